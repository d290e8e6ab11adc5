import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deleteForever, knowing, moveToTrash, removeFromAlbum, setFavourite } from './actions';
import { api, ConnectionLost, ProblemError } from './api';
import type { ItemOutcome } from './api/types';
import { failures } from './failures.svelte';
import { notices } from './notices.svelte';
import type { Entry } from './timeline/entries';
import { undo } from './undo';

const ids = (count: number) => Array.from({ length: count }, (_, index) => `asset-${index}`);
const answer = (assets: string[], outcome: (id: string) => ItemOutcome = () => 'done') => ({
  results: assets.map((asset) => ({ asset, outcome: outcome(asset) })),
});
const only = () => {
  expect(notices.list).toHaveLength(1);
  return notices.list[0]!;
};
const press = (label: string) => only().actions.find((action) => action.label === label)!.run();

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  undo.forget();
  failures.current = undefined;
  knowing(() => undefined);
  for (const { id } of notices.list) notices.dismiss(id);
});

describe('many are asked for in batches', () => {
  test('all of them, and the notice says so once', async () => {
    const ask = vi.spyOn(api, 'assetsFavourite').mockImplementation(async (assets) => answer(assets));
    expect(await setFavourite(ids(2500), true)).toBe(true);
    expect(ask.mock.calls.map(([assets]) => assets.length)).toEqual([1000, 1000, 500]);
    expect(only().title).toBe('2,500 added to favourites');
    expect(notices.running).toEqual([]);
  });

  test('progress is shown from the first batch, and a cancel leaves the rest to go on with', async () => {
    const seen: [number, number | undefined][] = [];
    const ask = vi.spyOn(api, 'assetsTrash').mockImplementation(async (assets) => {
      const running = notices.running[0]!;
      seen.push([running.over, running.total]);
      if (seen.length === 2) running.cancel();
      return answer(assets);
    });
    await moveToTrash(ids(3500));
    expect(seen).toEqual([
      [0, 3500],
      [1000, 3500],
    ]);
    expect([only().title, only().detail, only().kind]).toEqual(['2,000 moved to the trash', '1,500 are left', 'done']);
    vi.advanceTimersByTime(1_000_000);
    press('Go on');
    await vi.waitFor(() => expect(ask).toHaveBeenCalledTimes(4));
    expect(ask.mock.calls.flatMap(([assets]) => assets)).toEqual(ids(3500));
  });

  test('ids that come page by page are not waited for, and those left are known by no number', async () => {
    let read = 0;
    async function* pages() {
      for (const id of ids(2500)) {
        read++;
        yield id;
      }
    }
    const readAt: number[] = [];
    vi.spyOn(api, 'assetsTrash').mockImplementation(async (assets) => {
      readAt.push(read);
      if (readAt.length === 2) throw new ConnectionLost();
      return answer(assets);
    });
    await moveToTrash(pages());
    expect(readAt).toEqual([1000, 2000]);
    expect(only().detail).toContain('The rest is left');
    press('Go on');
    await vi.waitFor(() => expect(readAt).toEqual([1000, 2000, 2000, 2500]));
  });

  test('what could not be read to its end is read again from its beginning', async () => {
    let broken = true;
    const pages = {
      async *[Symbol.asyncIterator]() {
        yield* ids(1200).slice(0, broken ? 1100 : 1200);
        if (broken) throw new ProblemError({ type: 'about:blank', title: 'Unavailable', status: 503, detail: '' });
      },
    };
    const ask = vi.spyOn(api, 'assetsTrash').mockImplementation(async (assets) => answer(assets));
    await moveToTrash(pages);
    expect(only().title).toBe('1,000 moved to the trash');
    broken = false;
    press('Go on');
    await vi.waitFor(() => expect(ask).toHaveBeenCalledTimes(3));
    expect(new Set(ask.mock.calls.flatMap(([assets]) => assets)).size).toBe(1200);
  });
});

describe('nothing is lost silently', () => {
  const entry = { id: 'asset-1', day: '2026-05-01' } as Entry;

  test('some could not be: how many, each of them, and once more', async () => {
    knowing((id) => (id === 'asset-1' ? entry : undefined));
    const gone = new Set(['asset-1', 'asset-40', 'asset-99']);
    const ask = vi.spyOn(api, 'assetsTrash').mockImplementation(async (assets) => answer(assets, (id) => (gone.has(id) ? 'not_found' : 'done')));
    await moveToTrash(ids(100));
    expect([only().title, only().detail]).toEqual(['97 moved to the trash', '3 could not be']);
    // It waits for somebody to see it.
    vi.advanceTimersByTime(1_000_000);
    press('Show');
    expect(failures.current?.failed).toEqual([
      { asset: 'asset-1', why: 'not_found', entry },
      { asset: 'asset-40', why: 'not_found', entry: undefined },
      { asset: 'asset-99', why: 'not_found', entry: undefined },
    ]);
    failures.current?.retry(['asset-1', 'asset-40', 'asset-99']);
    await vi.waitFor(() => expect(ask).toHaveBeenLastCalledWith(['asset-1', 'asset-40', 'asset-99']));
  });

  test('none could be', async () => {
    vi.spyOn(api, 'assetsDelete').mockImplementation(async (assets) => answer(assets, () => 'not_trashed'));
    expect(await deleteForever(ids(2))).toBe(false);
    expect([only().kind, only().title]).toEqual(['error', 'That did not work for 2 photos']);
    expect(only().actions.map(({ label }) => label)).toEqual(['Show']);
  });

  test('the server goes away half-way: what is done, what is not, and the batch without an answer once more', async () => {
    const ask = vi.spyOn(api, 'assetsTrash').mockImplementation(async (assets) => answer(assets));
    ask.mockImplementationOnce(async (assets) => answer(assets)).mockRejectedValueOnce(new ConnectionLost());
    expect(await moveToTrash(ids(2500))).toBe(true);
    expect([only().kind, only().title]).toEqual(['error', '1,000 moved to the trash']);
    expect(only().detail).toBe('1,500 are left · The server did not answer. Please try again.');
    expect(only().actions.map(({ label }) => label)).toEqual(['Go on', 'Undo']);
    press('Go on');
    await vi.waitFor(() => expect(ask).toHaveBeenCalledTimes(4));
    expect(ask.mock.calls[2]![0]).toEqual(ids(2500).slice(1000, 2000));
  });

  test('a refusal that would come again offers no way on', async () => {
    const no = new ProblemError({ type: 'about:blank', title: 'Forbidden', status: 403, detail: 'Not yours.' });
    vi.spyOn(api, 'assetsTrash').mockRejectedValue(no);
    expect(await moveToTrash(ids(3))).toBe(false);
    expect([only().title, only().actions]).toEqual(['Forbidden', []]);
  });
});

describe('undo', () => {
  test('takes back only what was done, once', async () => {
    vi.spyOn(api, 'assetsTrash').mockImplementation(async (assets) => answer(assets, (id) => (id === 'asset-0' ? 'unchanged' : 'done')));
    const back = vi.spyOn(api, 'assetsRestore').mockImplementation(async (assets) => answer(assets));
    const whenBack = vi.fn();
    await moveToTrash(ids(3), whenBack);
    // Long after the notice has gone.
    vi.advanceTimersByTime(1_000_000);
    expect(notices.list).toEqual([]);
    expect(undo.last()).toBe(true);
    await vi.waitFor(() => expect(whenBack).toHaveBeenCalledOnce());
    expect(back).toHaveBeenCalledExactlyOnceWith(['asset-1', 'asset-2']);
    expect(undo.last()).toBe(false);
  });

  test('of what was taken out of an album puts it back to its places', async () => {
    vi.spyOn(api, 'albumRemove').mockImplementation(async (_, assets) => answer(assets));
    const added = vi.spyOn(api, 'albumAdd').mockImplementation(async (_, assets) => answer(assets));
    const placed = vi.spyOn(api, 'albumOrder').mockImplementation(async (_, assets) => answer(assets));
    await removeFromAlbum('sea', ['asset-1', 'asset-2', 'asset-4'], ids(5));
    press('Undo');
    await vi.waitFor(() => expect(placed).toHaveBeenCalledTimes(2));
    expect(added).toHaveBeenCalledExactlyOnceWith('sea', ['asset-1', 'asset-2', 'asset-4']);
    expect(placed.mock.calls).toEqual([
      ['sea', ['asset-4'], undefined],
      ['sea', ['asset-1', 'asset-2'], 'asset-3'],
    ]);
  });

  test('of a heart is a heart again', async () => {
    const ask = vi.spyOn(api, 'assetsFavourite').mockImplementation(async (assets) => answer(assets));
    await setFavourite(ids(1), true);
    press('Undo');
    await vi.waitFor(() => expect(ask).toHaveBeenLastCalledWith(['asset-0'], false));
  });
});
