import { flushSync } from 'svelte';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AssetColumns } from '../api/types';
import { entryOfAsset, isOf, type Entry, type Viewed } from '../timeline/entries';
import { Address, hasRight, placeOf } from './address.svelte';
import { AssetList } from './list.svelte';
import { MEDIA_MS, Rights } from './rights.svelte';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A page of an album: `mine` is of whoever looks, the others of Bob. */
const page = (ids: string[], window: number): AssetColumns => ({
  id: ids,
  day: ids.map(() => '2026-05-01'),
  kind: ids.map(() => 'photo'),
  state: ids.map(() => 'ready'),
  ratio: ids.map(() => 1.5),
  placeholder: ids.map(() => null),
  duration_ms: ids.map(() => null),
  version: ids.map(() => 1),
  favourite: ids.map(() => false),
  motion: ids.map(() => false),
  owner: ids.map((id) => (id === 'mine' ? 'ada' : 'bob')),
  right: ids.map((id) => (id === 'mine' ? null : `Policy=${id}-${window}`)),
});

/** Where the picture of an entry is, as a part that shows it would know; `over` ends that part. */
function shown(entry: () => Entry | undefined) {
  let address: Address | undefined;
  const pictured = {
    get entry() {
      return entry() as Entry;
    },
    owner: 'ada',
    wanted: true,
  };
  const over = $effect.root(() => void (address = new Address(pictured, 'thumbnail')));
  flushSync();
  return { address: address as unknown as Address, over };
}

async function listOf(ids: () => string[]) {
  let window = 1;
  const fetch = vi.fn(async () => page(ids(), window));
  const list = new AssetList(fetch, MEDIA_MS);
  await list.load();
  return { list, fetch, next: () => void window++ };
}

test('what is one’s own needs no right, and what is another’s is opened by one', async () => {
  const { list } = await listOf(() => ['mine', 'his']);
  const [mine, his] = [shown(() => list.find('mine')), shown(() => list.find('his'))];
  expect(mine.address.current).toBe('/media/ada/mine/view/thumbnail.1.webp');
  expect(his.address.current).toBe('/media/bob/his/view/thumbnail.1.webp?Policy=his-1');
  expect([list.find('mine'), list.find('his')].map((entry) => entry && isOf(entry, 'ada'))).toEqual([true, false]);
  expect([hasRight('/media/x'), hasRight('/media/x?y'), placeOf('/media/x?y')]).toEqual([false, true, '/media/x']);
  mine.over();
  his.over();
});

test('what is shown stays where it is, and what comes later is opened by a new right, asked for once for all', async () => {
  const { list, fetch, next } = await listOf(() => ['a', 'b', 'c']);
  const first = shown(() => list.find('a'));
  next();
  vi.advanceTimersByTime(MEDIA_MS);
  const later = [shown(() => list.find('b')), shown(() => list.find('c'))];
  expect(later.map(({ address }) => address.current)).toEqual([undefined, undefined]);
  await vi.advanceTimersByTimeAsync(0);
  expect(later.map(({ address }) => address.current)).toEqual([
    '/media/bob/b/view/thumbnail.1.webp?Policy=b-2',
    '/media/bob/c/view/thumbnail.1.webp?Policy=c-2',
  ]);
  expect(first.address.current).toBe('/media/bob/a/view/thumbnail.1.webp?Policy=a-1');
  expect(fetch).toHaveBeenCalledTimes(2);
  for (const { over } of [first, ...later]) over();
});

test('a right that is refused before its time is asked for again, but not for ever', async () => {
  const { list, fetch } = await listOf(() => ['a']);
  const { address, over } = shown(() => list.find('a'));
  const tries: boolean[] = [];
  for (let time = 0; time < 4; time++) {
    tries.push(address.failed());
    flushSync();
    await vi.advanceTimersByTimeAsync(0);
  }
  expect(tries).toEqual([true, true, false, false]);
  expect(address.current).toBeDefined();
  expect(fetch).toHaveBeenCalledTimes(3);
  over();
});

test('a list that is not what it was when a right is asked for is fetched anew', async () => {
  let ids = ['a', 'b'];
  const { list, next } = await listOf(() => ids);
  ids = ['b'];
  next();
  vi.advanceTimersByTime(MEDIA_MS);
  const { over } = shown(() => list.find('b'));
  await vi.advanceTimersByTimeAsync(0);
  expect(list.entries.map(({ id }) => id)).toEqual(['b']);
  over();
});

test('a right that cannot be asked for stays what it was', async () => {
  const rights = new Rights(new Map([['a', 'x']]), Date.now(), () => Promise.reject(new Error('away')));
  await expect(rights.renew()).rejects.toThrow('away');
  expect(rights.of('a')).toBe('x');
  rights.end();
  expect(rights.of('a')).toBeUndefined();
});

test('details tell whose an asset is and what opens it', async () => {
  const asset = (right: string): Viewed => ({
    id: 'a',
    owner: 'bob',
    kind: 'photo',
    state: 'ready',
    favourite: false,
    captured: { local: '2026-05-01T10:00:00' },
    media: { preview: `/media/bob/a/view/preview.7.jpg?${right}`, original: `/media/bob/a/file/original.1.jpg?${right}` },
  });
  const entry = entryOfAsset(asset('one'), async () => asset('two'));
  expect([entry.version, entry.owner, entry.rights?.of('a')]).toEqual([7, 'bob', 'one']);
  await entry.rights?.renew();
  expect(entry.rights?.of('a')).toBe('two');
});
