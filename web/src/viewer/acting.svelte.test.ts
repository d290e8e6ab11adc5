import { flushSync, tick } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { api, ProblemError } from '../lib/api';
import type { Asset } from '../lib/api/types';
import type { Entry, Sequence } from '../lib/timeline/entries';
import { notices } from '../lib/notices.svelte';
import { Acting } from './acting.svelte';
import { Looking } from './looking.svelte';

const entry = (id: string): Entry => ({
  id,
  day: '2024-05-31',
  kind: 'photo',
  state: 'ready',
  ratio: 1,
  placeholder: undefined,
  durationMs: undefined,
  version: 1,
  favourite: false,
  motion: false,
});

const details = (id: string, more: Partial<Asset> = {}): Asset =>
  ({
    id,
    kind: 'photo',
    state: 'ready',
    favourite: false,
    captured: { at: '', local: '2024-05-31T12:00:00', source: 'exif' },
    media: { original: `/media/${id}.jpg`, preview: `/media/${id}/preview.1.jpg` },
    ...more,
  }) as Asset;

/** An order that hears of nothing by itself, as one that nobody looks at does. */
class Row implements Sequence {
  constructor(public ids: string[]) {}
  find = (id: string) => (this.ids.includes(id) ? entry(id) : undefined);
  neighbour = async (id: string, step: 1 | -1) => {
    const index = this.ids.indexOf(id);
    const beside = index < 0 ? undefined : this.ids[index + step];
    return beside === undefined ? undefined : entry(beside);
  };
  loadAround = async () => undefined;
  between = async () => [];
  all = async () => this.ids;
  end = async () => undefined;
}

/** The server's answer, given when the test says so. */
function answer<T>() {
  let give: (value: T) => void = () => undefined;
  const coming = new Promise<T>((resolve) => (give = resolve));
  return { coming, give };
}

const done = (asset: string) => ({ results: [{ asset, outcome: 'done' as const }] });

const fetch = (id: string, signal: AbortSignal) => api.asset(id, signal);
let source = $state({ id: 'b', sequence: new Row(['a', 'b', 'c']) as Sequence, revision: 0, trash: false, fetch });
let looking: Looking;
let acting: Acting;
let closed = 0;
let stop: () => void;

beforeEach(async () => {
  vi.useFakeTimers();
  source = { id: 'b', sequence: new Row(['a', 'b', 'c']), revision: 0, trash: false, fetch };
  closed = 0;
  vi.spyOn(api, 'asset').mockImplementation(async (id) => details(id));
  stop = $effect.root(() => {
    const move = (id: string) => void (source.id = id);
    looking = new Looking(source, move);
    acting = new Acting(looking, { changed: () => void source.revision++, close: () => void closed++ });
  });
  await settled();
});

afterEach(() => {
  stop();
  for (const { id } of notices.list) notices.dismiss(id);
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function settled(): Promise<void> {
  flushSync();
  await vi.advanceTimersByTimeAsync(1000);
  await tick();
}

describe('what is done to the photo in the viewer', () => {
  it('is done to it once, and the next one comes only when it is gone', async () => {
    const { coming, give } = answer<ReturnType<typeof done>>();
    const trash = vi.spyOn(api, 'assetsTrash').mockReturnValue(coming);
    acting.moveToTrash();
    acting.moveToTrash();
    expect(source.id).toBe('b');
    give(done('b'));
    await vi.advanceTimersByTimeAsync(1);
    expect(source.id).toBe('c');
    // A press that may still have meant the one before does nothing.
    acting.moveToTrash();
    acting.toggleFavourite();
    expect(trash).toHaveBeenCalledTimes(1);
    await settled();
    acting.moveToTrash();
    await settled();
    expect(trash).toHaveBeenLastCalledWith(['c']);
  });

  it('skips what it took away, though the order still has it, until it is taken back', async () => {
    vi.spyOn(api, 'assetsTrash').mockResolvedValue(done('b'));
    vi.spyOn(api, 'assetsRestore').mockResolvedValue(done('b'));
    acting.moveToTrash();
    await settled();
    expect([source.id, looking.previous?.id]).toEqual(['c', 'a']);
    // By now its order has lost it, and has not yet heard that it is back.
    source.sequence = Object.assign(source.sequence, { ids: ['a', 'c'] });
    notices.list.at(-1)?.actions?.[0]?.run();
    await vi.advanceTimersByTimeAsync(1);
    expect([source.id, looking.previous?.id, looking.next?.id]).toEqual(['b', 'a', 'c']);
    await settled();
    expect([source.id, looking.previous?.id, looking.next?.id]).toEqual(['b', 'a', 'c']);
  });

  it('that fails leaves it where it is', async () => {
    vi.spyOn(api, 'assetsTrash').mockRejectedValue(new ProblemError({ type: 'about:blank', title: 'no', status: 500, detail: '' }));
    acting.moveToTrash();
    await settled();
    expect([source.id, looking.next?.id, closed]).toEqual(['b', 'c', 0]);
    expect(notices.list.at(-1)?.kind).toBe('error');
  });

  it('moves nobody who has gone on meanwhile', async () => {
    const { coming, give } = answer<ReturnType<typeof done>>();
    vi.spyOn(api, 'assetsTrash').mockReturnValue(coming);
    acting.moveToTrash();
    looking.step(-1);
    await settled();
    give(done('b'));
    await settled();
    expect([source.id, looking.next?.id]).toEqual(['a', 'c']);
  });

  it('closes when it was the last', async () => {
    source.sequence = new Row(['b']);
    await settled();
    vi.spyOn(api, 'assetsTrash').mockResolvedValue(done('b'));
    acting.moveToTrash();
    await settled();
    expect(closed).toBe(1);
  });

  it('says of many presses on the heart only the last, to the one that was shown', async () => {
    const { coming, give } = answer<ReturnType<typeof done>>();
    const say = vi.spyOn(api, 'assetsFavourite').mockReturnValueOnce(coming).mockResolvedValue(done('b'));
    for (let press = 0; press < 5; press++) acting.toggleFavourite();
    looking.step(1);
    flushSync();
    expect(acting.favourite).toBe(false);
    give(done('b'));
    await settled();
    expect(say.mock.calls).toEqual([[['b'], true]]);

    acting.toggleFavourite();
    acting.toggleFavourite();
    await settled();
    expect(say.mock.calls.slice(1)).toEqual([[['c'], true], [['c'], false]]);
  });

  it('is nothing while it lies in the trash or is no more', async () => {
    const say = vi.spyOn(api, 'assetsFavourite');
    vi.spyOn(api, 'asset').mockImplementation(async (id) => details(id, { trashed_at: '2024-06-01T00:00:00Z' }));
    source.revision++;
    await settled();
    expect(looking.gone).toBe('trashed');
    vi.spyOn(api, 'asset').mockRejectedValue(new ProblemError({ type: 'about:blank', title: 'no', status: 404, detail: '' }));
    source.revision++;
    await settled();
    expect(looking.gone).toBe('missing');
    acting.toggleFavourite();
    acting.moveToTrash();
    expect(say).not.toHaveBeenCalled();
    expect([looking.previous?.id, looking.next?.id]).toEqual(['a', 'c']);
  });
});

describe('what the viewer looks at', () => {
  it('is asked about when the running has ended, and a held key runs no faster than one sees', async () => {
    source.sequence = new Row(Array.from({ length: 50 }, (_, index) => `p${index}`));
    source.id = 'p0';
    await settled();
    const ask = vi.spyOn(api, 'asset');
    ask.mockClear();
    for (let repeat = 0; repeat < 40; repeat++) {
      looking.step(1, true);
      flushSync();
      await vi.advanceTimersByTimeAsync(33);
    }
    // 40 times 33 ms, one step in at least 110 of them.
    expect(Number(source.id.slice(1))).toBeGreaterThan(5);
    expect(Number(source.id.slice(1))).toBeLessThanOrEqual(12);
    expect(looking.settled).toBe(false);
    expect(ask).not.toHaveBeenCalled();
    await settled();
    expect(ask.mock.calls.map(([id]) => id)).toEqual([source.id]);
  });

  it('takes a step that came too early, as soon as it knows where to', async () => {
    const { coming, give } = answer<void>();
    const row = new Row(['a', 'b', 'c', 'd']);
    const neighbour = row.neighbour;
    row.neighbour = async (id, step) => (await coming, neighbour(id, step));
    source.sequence = row;
    source.id = 'c';
    await settled();
    looking.step(1);
    flushSync();
    expect(source.id).toBe('c');
    give();
    await settled();
    expect([source.id, looking.previous?.id, looking.next]).toEqual(['d', 'c', undefined]);
  });

  it('keeps what was beside it when its order loses it', async () => {
    source.sequence = new Row(['a', 'c']);
    source.revision++;
    await settled();
    expect([looking.entry?.id, looking.previous?.id, looking.next?.id]).toEqual(['b', 'a', 'c']);
  });

  it('asks again rather than anew while an answer is on its way', async () => {
    const { coming, give } = answer<Asset>();
    const ask = vi.spyOn(api, 'asset').mockReturnValueOnce(coming);
    ask.mockClear();
    for (let hint = 0; hint < 4; hint++) {
      source.revision++;
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(ask).toHaveBeenCalledTimes(1);
    expect(ask.mock.calls[0]?.[1]?.aborted).toBe(false);
    give(details('b'));
    await settled();
    expect(ask).toHaveBeenCalledTimes(2);
  });
});
