import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { styleFor } from '../layout/grid';
import { TimelineModels } from './model';
import { EntryStore } from './store';
import { at, day, library, open, settle, stored, work } from './timeline.fake';
import { Timeline } from './timeline.svelte';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('what is fetched', () => {
  it('is what one looks at, and what was leapt over is not', async () => {
    const { timeline, requests } = await open(stored(90, 100));
    timeline.look([at(timeline, 0)]);
    await settle();
    requests.length = 0;
    // A drag over the whole: the first leap is followed at once, the rest only where it ends.
    for (let index = 4; index <= 24; index += 4) timeline.look([at(timeline, index), at(timeline, index + 1)]);
    await settle();
    const asked = new Set(requests.map((address) => new URL(address, 'http://picup').searchParams.get('newest')));
    expect([...asked]).toEqual([4, 5, 24, 25].map((index) => at(timeline, index).newest));
    expect(timeline.entriesOn(at(timeline, 4).newest)).toBeUndefined();
    expect(timeline.entriesOn(at(timeline, 24).newest)).toHaveLength(100);
    expect(timeline.entriesOn(at(timeline, 25).newest)).toHaveLength(100);
  });

  it('is given up once it is out of sight, unless somebody waits for it', async () => {
    const { timeline } = await open(stored(90, 100));
    const awaited = timeline.want(at(timeline, 25));
    timeline.look([at(timeline, 10)]);
    timeline.look([at(timeline, 20)]);
    await awaited;
    await settle();
    expect([10, 20, 25].map((index) => timeline.entriesOn(at(timeline, index).newest)?.length)).toEqual([undefined, 100, 100]);
  });

  it('is fetched again if a change was hinted at while it was given up', async () => {
    const assets = library(90, 100);
    const { timeline } = await open(() => assets);
    timeline.look([at(timeline, 10)]);
    await settle();
    const { newest } = at(timeline, 10);
    assets.push({ id: 'b1', day: newest });
    timeline.changed(newest);
    await settle();
    timeline.look([at(timeline, 10)]);
    timeline.look([at(timeline, 25)]);
    await settle();
    expect(timeline.find('b1')).toBeUndefined();
    timeline.look([at(timeline, 10)]);
    await settle();
    expect(timeline.find('b1')?.day).toBe(newest);
  });

  it('is tried again after a failure, a while later', async () => {
    const { requests } = await open(stored(30, 10));
    const errors: unknown[] = [];
    const timeline = new Timeline((error) => errors.push(error));
    await timeline.load();
    const fetching = globalThis.fetch;
    vi.stubGlobal('fetch', async () => new Response('{}', { status: 500 }));
    timeline.look([at(timeline, 0)]);
    await settle();
    expect(errors).toHaveLength(1);
    vi.stubGlobal('fetch', fetching);
    requests.length = 0;
    await settle();
    expect(requests).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(timeline.entriesOn(day(29))).toHaveLength(10);
  });

  it('is forgotten when it has long been out of sight, and keeps its place on the page', async () => {
    const store = new EntryStore(1_000);
    const { timeline } = await open(stored(400, 10), store);
    const models = new TimelineModels();
    let held = 0;
    for (const stretch of timeline.stretches) {
      timeline.look([stretch]);
      await timeline.want(stretch);
      models.build(timeline, 1200, styleFor(1200));
      held = Math.max(held, store.size);
    }
    expect(held).toBeLessThan(1_300 + 1);
    expect(timeline.entriesOn(day(399))).toBeUndefined();
    expect(timeline.entriesOn(day(0))).toHaveLength(10);
    const before = models.build(timeline, 1200, styleFor(1200));
    const top = before.topOfDay(day(200));
    await timeline.want(at(timeline, 0));
    expect(models.build(timeline, 1200, styleFor(1200)).topOfDay(day(200))).toBe(top);
    expect(timeline.entriesOn(day(399))).toHaveLength(10);
  });

  it('for a selection is only ids, page by page, and can be given up', async () => {
    const assets = library(50, 10);
    const { timeline, requests } = await open(() => assets);
    const newestFirst = assets.map(({ id }) => id).reverse();
    const whole = work();
    expect(await timeline.all(whole.work)).toEqual(newestFirst);
    expect(whole.told.at(0)).toBe('40/500');
    expect(timeline.entriesOn(day(49))).toBeUndefined();
    expect(await timeline.all(whole.work, day(48))).toEqual(newestFirst.slice(10, 20));
    const half = work();
    const given = timeline.all(half.work);
    half.abort.abort();
    await expect(given).rejects.toThrow();
    await timeline.want(at(timeline, 0));
    requests.length = 0;
    expect(await timeline.all(whole.work, day(49))).toEqual(newestFirst.slice(0, 10));
    expect(requests).toEqual([]);
  });

  it('leads to the ends, of all and of a day', async () => {
    const assets = library(100, 10);
    const { timeline } = await open(() => assets);
    expect((await timeline.end(1))?.id).toBe(assets.at(-1)?.id);
    expect((await timeline.end(-1))?.id).toBe(assets[0]?.id);
    expect((await timeline.end(1, day(40)))?.id).toBe(assets[409]?.id);
    expect(await timeline.end(1, '1999-01-01')).toBeUndefined();
  });
});
