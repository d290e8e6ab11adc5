import { describe, expect, it } from 'vitest';
import type { Album } from '../api/types';
import { parseRoute } from '../router.svelte';
import { nearHref } from './address';
import { albumNamed, nameOf, paramsOf } from './params';

const OWN = { owner: 'ada', owner_name: 'Ada', role: 'owner', members: 0 } as const;
const album = (id: string, title: string): Album => ({ ...OWN, id, title, count: 0, created_at: '' });
const albums = [album('1', 'Summer  at the Sea'), album('2', 'Twice'), album('3', 'twice'), album('4', 'The "best"')];

describe('an album in a search', () => {
  it('is named by its title where that tells', () => {
    expect(albumNamed('summer at the sea', albums)?.id).toBe('1');
    expect(albumNamed('3', albums)?.id).toBe('3');
    expect(albumNamed('Winter', albums)).toBeUndefined();
    for (const one of albums) expect(albumNamed(nameOf(one, albums), albums)).toBe(one);
    expect(albums.map((one) => nameOf(one, albums))).toEqual(['Summer at the Sea', 'Twice', '3', '4']);
  });
});

describe('photos near here', () => {
  it('are at the address of a search', () => {
    const route = parseRoute(nearHref({ latitude: 48.858371, longitude: -2.294481 }));
    expect(route).toEqual({ page: 'search', query: 'near:48.85837,-2.29448 within:1km' });
  });
});

describe('what the server is asked', () => {
  it('is all that the search says', () => {
    expect(paramsOf({ words: [] }, undefined)).toEqual({});
    const near = { latitude: 1.5, longitude: -2 };
    const search = { words: ['a', 'b'], from: '2024-01-01', to: '2024-12-31', kind: 'live', camera: 'pixel', near } as const;
    expect(paramsOf({ ...search, words: ['a', 'b'], favourite: true, located: true, withinKm: 2 }, albums[0])).toEqual({
      text: 'a b',
      from: '2024-01-01',
      to: '2024-12-31',
      kind: 'live',
      camera: 'pixel',
      album: '1',
      favourite: 'true',
      located: 'true',
      near: '1.5,-2',
      within_km: 2,
    });
  });
});
