import { expect, test } from 'vitest';
import type { Album } from '../api/types';
import { arrange } from './order';

const OWN = { owner: 'ada', owner_name: 'Ada', role: 'owner', members: 0 } as const;
const album = (title: string, day: number, count = 0): Album => ({
  ...OWN,
  id: title,
  title,
  count,
  created_at: `2026-01-0${day}T00:00:00Z`,
});
const all = [album('Été 2', 1, 5), album('Winter', 2, 5), album('été 10', 3, 9), album('바다', 4)];
const titles = (albums: Album[]) => albums.map(({ title }) => title);

test('albums are sorted as people sort', () => {
  expect(titles(arrange(all, 'newest', '', 'en'))).toEqual(['바다', 'été 10', 'Winter', 'Été 2']);
  expect(titles(arrange(all, 'oldest', '', 'en'))).toEqual(['Été 2', 'Winter', 'été 10', '바다']);
  expect(titles(arrange(all, 'title', '', 'en'))).toEqual(['Été 2', 'été 10', 'Winter', '바다']);
  expect(titles(arrange(all, 'largest', '', 'en'))).toEqual(['été 10', 'Winter', 'Été 2', '바다']);
});

test('words find albums however they are written', () => {
  expect(titles(arrange(all, 'oldest', ' ETE ', 'en'))).toEqual(['Été 2', 'été 10']);
  expect(titles(arrange(all, 'oldest', '10 ete', 'en'))).toEqual(['été 10']);
  expect(titles(arrange(all, 'oldest', '바다'.normalize('NFD'), 'ko'))).toEqual(['바다']);
  expect(arrange(all, 'oldest', 'spring', 'en')).toEqual([]);
});
