import { describe, expect, it } from 'vitest';
import { isEmpty, readSearch, searchNear, writeSearch, type Search } from './query';

const read = (text: string) => readSearch(text).search;

describe('a search as text', () => {
  it('is words and filters', () => {
    expect(read('  beach  IMG_0001.jpg 바다 ')).toEqual({ words: ['beach', 'IMG_0001.jpg', '바다'] });
    expect(read('camera:pixel kind:video is:favourite')).toEqual({
      words: [],
      camera: 'pixel',
      kind: 'video',
      favourite: true,
    });
    expect(read('album:"Summer  at the sea" dog')).toEqual({ words: ['dog'], album: 'Summer at the sea' });
    expect(read('CAMERA:"Google Pixel 8"')).toEqual({ words: [], camera: 'Google Pixel 8' });
    expect(read('is:live is:located is:favorite')).toEqual({ words: [], kind: 'live', located: true, favourite: true });
    expect(read('')).toEqual({ words: [] });
  });

  it('knows years, months and days', () => {
    expect(read('2024')).toEqual({ words: [], from: '2024-01-01', to: '2024-12-31' });
    expect(read('2024-02')).toEqual({ words: [], from: '2024-02-01', to: '2024-02-29' });
    expect(read('2023-02')).toEqual({ words: [], from: '2023-02-01', to: '2023-02-28' });
    expect(read('1900-02')).toMatchObject({ to: '1900-02-28' });
    expect(read('2024-05-31')).toEqual({ words: [], from: '2024-05-31', to: '2024-05-31' });
    expect(read('from:2024 to:2025-06')).toEqual({ words: [], from: '2024-01-01', to: '2025-06-30' });
    expect(read('2024 to:2024-03-05')).toEqual({ words: [], from: '2024-01-01', to: '2024-03-05' });
    for (const word of ['0001', '1234', '20240', '2024-13', '2024-02-30', '2023-02-29', '2024-00', '2024-01-00']) {
      expect(read(word), word).toEqual({ words: [word] });
    }
    expect(read('"2024" "2024-05-31"')).toEqual({ words: ['2024', '2024-05-31'] });
  });

  it('knows places', () => {
    expect(read('near:48.85,2.29')).toEqual({ words: [], near: { latitude: 48.85, longitude: 2.29 } });
    expect(read('near:"-48.85, -180" within:500m')).toEqual({
      words: [],
      near: { latitude: -48.85, longitude: -180 },
      withinKm: 0.5,
    });
    expect(read(searchNear({ latitude: 48.858371, longitude: 2.294481 }))).toEqual({
      words: [],
      near: { latitude: 48.85837, longitude: 2.29448 },
      withinKm: 1,
    });
    expect(read('near:0.0000001,-0.000009').near).toEqual({ latitude: 0, longitude: -0.00001 });
    expect(read(searchNear({ latitude: 0.0000001, longitude: -0.0000001 })).near).toBeDefined();
  });

  it('says what it does not understand', () => {
    const unclear = ['kind:picture', 'from:yesterday', 'near:Paris', 'near:91,0', 'is:red', 'camera:', 'to:"2024 05"'];
    for (const text of unclear) expect(readSearch(`a ${text}`), text).toEqual({ search: { words: ['a'] }, unclear: [text] });
    expect(readSearch('within:5km')).toEqual({ search: { words: [] }, unclear: ['within:5km'] });
    expect(readSearch('near:1,1 within:far').unclear).toEqual(['within:far']);
  });

  it('takes other colons and lonely quotation marks for words', () => {
    expect(readSearch('12:30 c:users foo:"a b"')).toEqual({
      search: { words: ['12:30', 'c:users', 'foo:', 'a', 'b'] },
      unclear: [],
    });
    expect(readSearch('constructor:a toString: kind:constructor')).toEqual({
      search: { words: ['constructor:a', 'toString:'] },
      unclear: ['kind:constructor'],
    });
    expect(read('a"b" "c d')).toEqual({ words: ['a', 'b', 'c', 'd'] });
    expect(read('album:"Summer')).toEqual({ words: [], album: 'Summer' });
  });

  it('is written as one would type it', () => {
    expect(writeSearch({ words: ['dog', '2024', 'kind:x'], from: '2024-05-01', to: '2024-05-31', camera: 'Pixel 8' })).toBe(
      'dog "2024" "kind:x" 2024-05 camera:"Pixel 8"',
    );
    expect(writeSearch({ words: [], from: '2024-05-02', to: '2024-05-31', favourite: true })).toBe(
      'from:2024-05-02 to:2024-05-31 is:favourite',
    );
    expect(isEmpty({ words: [] })).toBe(true);
    expect(isEmpty({ words: [], located: true })).toBe(false);
  });
});

/** Numbers that look random and are the same in every run (mulberry32). */
function chance(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

describe('text and parts', () => {
  const next = chance(7);
  const one = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T;
  const maybe = <T>(value: () => T): T | undefined => (next() < 0.4 ? value() : undefined);
  const pad = (value: number) => String(value).padStart(2, '0');
  const day = () => `${one(['0099', '1999', '2024'])}-${pad(1 + Math.floor(next() * 12))}-${pad(1 + Math.floor(next() * 28))}`;
  const word = () => one(['dog', '2024', '2024-05', 'from:x', 'a:b', 'is:', '바다', '100%', '12:30', 'near:1,1', 'é', ':']);
  const degrees = (most: number) => Math.round((next() - 0.5) * 2 * most * 1e5) / 1e5;

  function search(): Search {
    const days = one([() => ({ from: maybe(day), to: maybe(day) }), () => ({ from: '2024-01-01', to: '2024-12-31' })])();
    const near = maybe(() => ({ latitude: degrees(90), longitude: degrees(180) }));
    const all = {
      words: Array.from({ length: Math.floor(next() * 4) }, word),
      ...days,
      kind: maybe(() => one(['photo', 'video', 'live', 'other'] as const)),
      camera: maybe(() => one(['pixel', 'Google Pixel 8', 'a:b'])),
      album: maybe(() => one(['Summer', 'Summer at the sea', '2024', '바다 "', 'is:x']).replaceAll('"', '').trim()),
      favourite: maybe(() => true as const),
      located: maybe(() => true as const),
      near,
      withinKm: near && maybe(() => one([0.01, 0.5, 5, 1000])),
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as unknown as Search;
  }

  it('are the same in both directions', () => {
    for (let round = 0; round < 2000; round++) {
      const wanted = search();
      const text = writeSearch(wanted);
      expect(readSearch(text), text).toEqual({ search: wanted, unclear: [] });
    }
  });

  it('settle at once, whatever is typed', () => {
    const scraps = ['"', ' ', ':', 'is', 'camera:', 'album:"', '2024', '-05', ',', '1.5', 'near:', 'within:', 'km', 'a', '바', '\t'];
    for (let round = 0; round < 5000; round++) {
      const typed = Array.from({ length: Math.floor(next() * 12) }, () => one(scraps)).join('');
      const { search: read } = readSearch(typed);
      const text = writeSearch(read);
      expect(readSearch(text), JSON.stringify(typed)).toEqual({ search: read, unclear: [] });
    }
  });
});
