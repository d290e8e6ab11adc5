import { describe, expect, test, vi } from 'vitest';
import type { AssetColumns } from '../api/types';
import { styleFor } from '../layout/grid';
import { AssetList } from './list.svelte';
import { listModel } from './model';

/** A page of assets named by their numbers. */
function page(first: number, count: number, next?: string): AssetColumns {
  const fill = <T>(value: (index: number) => T) => Array.from({ length: count }, (_, index) => value(first + index));
  return {
    id: fill((index) => `asset-${index}`),
    day: fill(() => '2026-05-01'),
    kind: fill(() => 'photo'),
    state: fill(() => 'ready'),
    ratio: fill((index) => [1.5, 0.67, 1, 2.2][index % 4] ?? 1),
    placeholder: fill(() => null),
    duration_ms: fill(() => null),
    version: fill(() => 1),
    favourite: fill(() => false),
    motion: fill(() => false),
    ...(next === undefined ? {} : { next }),
  };
}

/** A server's list of so many, page by page. */
const served = (count: () => number) =>
  vi.fn(async ({ cursor = '0', limit = 1000 }: { cursor?: string; limit?: number }) => {
    const first = Number(cursor);
    const last = Math.min(count(), first + limit);
    return page(first, last - first, last < count() ? String(last) : undefined);
  });

describe('a list of 100,000', () => {
  const count = 100_000;
  const shown: number[] = [];
  const pages = served(() => count);
  const list: AssetList = new AssetList((query) => {
    shown.push(list.entries.length);
    return pages(query);
  });

  test('shows its first page at once, and is drawn anew only a few times until it is whole', async () => {
    await list.load();
    expect([list.entries.length, list.opened]).toEqual([count, true]);
    expect(shown).toHaveLength(100);
    expect(shown.slice(0, 3)).toEqual([0, 1000, 2000]);
    expect(list.revision).toBeLessThan(20);
  });

  test('finds each by its place, and the rows of any window', async () => {
    expect(list.find('asset-99999')?.id).toBe('asset-99999');
    expect((await list.neighbour('asset-500', -1))?.id).toBe('asset-499');
    expect(await list.neighbour('asset-99999', 1)).toBeUndefined();
    const model = listModel(list.entries, 1200, styleFor(1200), (id) => list.indexOf(id));
    const [whole] = model.blocksIn(-Infinity, Infinity);
    for (const [top, bottom] of [[-700, 900], [54_321, 56_000], [model.height - 500, model.height + 700], [0, 0]] as const) {
      const rows = model.blocksIn(top, bottom)[0]?.rows ?? [];
      expect(rows).toEqual(whole?.rows.filter((row) => row.top + row.height >= top && row.top <= bottom));
    }
    const place = model.placeOf('asset-70000');
    expect(whole?.rows.find((row) => row.top === place?.top)).toMatchObject({ first: expect.any(Number) });
    const row = whole?.rows.find((row) => row.top === place?.top);
    expect(row && row.first <= 70_000 && 70_000 < row.first + row.boxes.length).toBe(true);
    expect(model.placeOf('asset-100000')).toBeUndefined();
  });
});

test('hints that come faster than a list are answered by one more fetch, and never by none', async () => {
  let count = 2500;
  const fetch = served(() => count);
  const list = new AssetList(fetch);
  await list.load();
  expect(fetch).toHaveBeenCalledTimes(3);
  count = 1500;
  const all = [list.load(), list.load(), list.load()];
  count = 500;
  await Promise.all(all);
  expect(list.entries).toHaveLength(500);
  expect(fetch.mock.calls.length).toBeLessThanOrEqual(7);
});

test('an empty list is opened too, and one that cannot be fetched is fetched when asked again', async () => {
  const empty = new AssetList(served(() => 0));
  await empty.load();
  expect([empty.opened, empty.entries]).toEqual([true, []]);
  const fetch = served(() => 3);
  fetch.mockRejectedValueOnce(new Error('away'));
  const list = new AssetList(fetch);
  await expect(list.load()).rejects.toThrow('away');
  expect(list.opened).toBe(false);
  await list.load();
  expect(list.entries).toHaveLength(3);
});
