import { describe, expect, test } from 'vitest';
import { legible, within } from './direction';

describe('names in sentences', () => {
  test('of the left stay as they are, whatever they are', () => {
    for (const name of ['Ada', '혜진', 'a/b "c" <img>', '🌊', '']) expect(within(name)).toBe(name);
  });

  test('of the right are kept apart from what follows', () => {
    for (const name of ['שלום', 'صور 2024', 'a ب']) expect(within(name)).toBe(`\u2068${name}\u2069`);
  });

  test('turn nothing around', () => {
    expect(legible('photo\u202egpj.exe')).toBe('photo\ufffdgpj.exe');
    for (const turn of ['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069', '\u200e', '\u200f', '\u061c']) {
      expect(within(`a${turn}b`)).toBe('a\ufffdb');
      expect(within(`ש${turn}b`)).toBe('\u2068ש\ufffdb\u2069');
    }
  });
});
