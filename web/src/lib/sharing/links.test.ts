import { expect, test } from 'vitest';
import type { ShareLink } from '../api/types';
import { editOf, momentOf, requestOf, wishesOf } from './links';

const NOW = Date.parse('2026-05-01T10:00:00Z');
const link: ShareLink = { id: 'l', count: 3, password: true, download: false, created_at: '2026-04-01T00:00:00Z', over: false };

test('a link ends in thirty days and lets nothing go, unless somebody wants it otherwise', () => {
  expect(requestOf({ album: 'a' }, wishesOf(undefined), NOW)).toEqual({
    album: 'a',
    download: false,
    expires_at: '2026-05-31T10:00:00.000Z',
  });
  const wishes = { ending: 'never', locked: true, password: 'six letters', download: true };
  expect(requestOf({ assets: ['x', 'y'] }, wishes, NOW)).toEqual({
    assets: ['x', 'y'],
    download: true,
    expires_at: null,
    password: 'six letters',
  });
  expect(requestOf({ album: 'a' }, { ...wishes, locked: false }, NOW)).not.toHaveProperty('password');
});

test('what is not touched stays as it is', () => {
  expect(editOf(link, wishesOf(link), NOW)).toEqual({});
  expect(editOf(link, { ...wishesOf(link), locked: false }, NOW)).toEqual({ password: null });
  expect(editOf(link, { ...wishesOf(link), password: 'another' }, NOW)).toEqual({ password: 'another' });
  expect(editOf(link, { ...wishesOf(link), download: true, ending: '7' }, NOW)).toEqual({
    download: true,
    expires_at: momentOf('7', NOW),
  });
  expect(editOf({ ...link, password: false }, { ...wishesOf(link), locked: false }, NOW)).toEqual({});
});
