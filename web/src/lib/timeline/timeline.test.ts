import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { styleFor } from '../layout/grid';
import { TimelineModels } from './model';
import { EntryStore } from './store';
import { Timeline } from './timeline.svelte';

interface Stored {
  id: string;
  day: string;
}

/** The two requests of a timeline, answered from a list of assets. */
function serve(assets: () => Stored[]) {
  const requests: string[] = [];
  const answer = (body: unknown) => new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } });
  let last = { of: 0, from: [] as Stored[], sorted: [] as Stored[] };
  const sorted = () => {
    const from = assets();
    if (last.from !== from || last.of !== from.length) {
      const order = from.toSorted((a, b) => (a.day === b.day ? (a.id < b.id ? 1 : -1) : a.day < b.day ? 1 : -1));
      last = { of: from.length, from, sorted: order };
    }
    return last.sorted;
  };
  vi.stubGlobal('fetch', async (address: string, init: RequestInit) => {
    requests.push(address);
    await Promise.resolve();
    init.signal?.throwIfAborted();
    const url = new URL(address, 'http://picup');
    const newestFirst = sorted();
    if (url.pathname === '/api/timeline') {
      const days = new Map<string, number>();
      for (const { day } of newestFirst) days.set(day, (days.get(day) ?? 0) + 1);
      return answer({ total: newestFirst.length, days: [...days].map(([day, count]) => ({ day, count })) });
    }
    const [newest, oldest] = [url.searchParams.get('newest') ?? '9', url.searchParams.get('oldest') ?? '0'];
    const start = Number(url.searchParams.get('cursor') ?? 0);
    const all = newestFirst.filter(({ day }) => day <= newest && day >= oldest);
    const page = all.slice(start, start + 40);
    const column = <T>(value: T) => page.map(() => value);
    return answer({
      id: page.map(({ id }) => id),
      day: page.map(({ day }) => day),
      kind: column('photo'),
      state: column('ready'),
      ratio: column(1.5),
      placeholder: column(null),
      duration_ms: column(null),
      version: column(1),
      favourite: column(false),
      motion: column(false),
      next: start + 40 < all.length ? String(start + 40) : null,
    });
  });
  return requests;
}

const day = (index: number) => new Date(Date.UTC(2024, 0, 1) + index * 86_400_000).toISOString().slice(0, 10);
const library = (days: number, each: number): Stored[] =>
  Array.from({ length: days * each }, (_, index) => ({ id: `a${String(index).padStart(6, '0')}`, day: day(Math.floor(index / each)) }));

const stored = (days: number, each: number) => {
  const assets = library(days, each);
  return () => assets;
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function open(assets: () => Stored[], store?: EntryStore) {
  const requests = serve(assets);
  const timeline = new Timeline((error) => {
    throw error;
  }, store);
  await timeline.load();
  return { timeline, requests };
}

describe('the timeline', () => {
  it('fetches a stretch once, over all its pages', async () => {
    const { timeline, requests } = await open(stored(100, 10));
    const [first] = timeline.stretches;
    if (!first) throw new Error('no stretch');
    await Promise.all([timeline.want(first), timeline.want(first)]);
    await timeline.want(first);
    expect(requests).toHaveLength(1 + Math.ceil(first.count / 40));
    expect(timeline.entriesOn(day(99))).toHaveLength(10);
    expect(timeline.entriesOn(day(0))).toBeUndefined();
  });

  it('walks from the newest to the oldest, loading as it goes', async () => {
    const assets = library(70, 9);
    const { timeline } = await open(() => assets);
    const [first] = timeline.stretches;
    if (first) await timeline.want(first);
    const seen = [timeline.entriesOn(day(69))?.[0]?.id ?? ''];
    for (let id = seen[0]; id !== undefined; ) {
      id = (await timeline.neighbour(id, 1))?.id;
      if (id !== undefined) seen.push(id);
    }
    expect(seen).toEqual(assets.map(({ id }) => id).sort((a, b) => b.localeCompare(a)));
    expect((await timeline.neighbour(seen[20] ?? '', -1))?.id).toBe(seen[19]);
    expect(await timeline.neighbour(seen[0] ?? '', -1)).toBeUndefined();
    expect(await timeline.between(seen[30] ?? '', seen[5] ?? '')).toEqual(seen.slice(5, 31));
  });

  it('fetches again only what a hint named, once for a burst of them', async () => {
    const assets = library(60, 10);
    const { timeline, requests } = await open(() => assets);
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    requests.length = 0;
    assets.push({ id: 'a999999', day: day(59) });
    for (let times = 0; times < 50; times++) timeline.changed(day(59));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(requests).toEqual(['/api/timeline']);
    expect(timeline.total).toBe(601);
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    expect(requests).toHaveLength(2);
    expect(timeline.entriesOn(day(59))?.[0]?.id).toBe('a999999');
  });

  it('finds a day by the assets it has when one goes and a new day comes', async () => {
    let assets = library(3, 2);
    const { timeline } = await open(() => assets);
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    assets = [...assets.slice(0, -2), { id: 'b1', day: day(40) }];
    timeline.changedSomewhere();
    await vi.advanceTimersByTimeAsync(1_000);
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    expect(timeline.days.map((one) => one.day)).toEqual([day(40), day(1), day(0)]);
    expect(timeline.find('b1')?.day).toBe(day(40));
    expect((await timeline.neighbour('b1', 1))?.day).toBe(day(1));
  });
});

const settle = () => vi.advanceTimersByTimeAsync(1_000);
const at = (timeline: Timeline, index: number) => {
  const stretch = timeline.stretches[index];
  if (!stretch) throw new Error('no stretch');
  return stretch;
};
const work = () => {
  const told: string[] = [];
  const abort = new AbortController();
  return { told, abort, work: { signal: abort.signal, progress: (done: number, of: number) => void told.push(`${done}/${of}`) } };
};

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

describe('its model', () => {
  it('shows only what stands in the window, and everything over all windows', async () => {
    const { timeline } = await open(stored(300, 7));
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    const model = new TimelineModels().build(timeline, 1200, styleFor(1200));
    const seen = new Set<string>();
    for (let top = 0; top < model.height; top += 500) {
      const blocks = model.blocksIn(top, top + 500);
      expect(blocks.length).toBeLessThan(20);
      for (const block of blocks) {
        for (const row of block.rows) row.boxes.forEach((_, at) => seen.add(block.entries?.[row.first + at]?.id ?? ''));
      }
    }
    expect(seen.size).toBe(2100);
  });

  it('knows where an asset is, and holds a place while what is above changes', async () => {
    const { timeline } = await open(stored(300, 7));
    const models = new TimelineModels();
    const before = models.build(timeline, 1200, styleFor(1200));
    const anchor = before.anchorAt(before.height / 2);
    expect(anchor && before.topOf(anchor)).toBeCloseTo(before.height / 2, 0);
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    const after = models.build(timeline, 1200, styleFor(1200));
    const id = timeline.entriesOn(anchor?.key ?? '')?.[0]?.id ?? '';
    const place = after.placeOf(id);
    expect(place?.top).toBeGreaterThanOrEqual(after.topOfDay(anchor?.key ?? '') ?? Infinity);
    expect(after.dayAt((place?.top ?? 0) + 1)).toBeDefined();
    expect(after.placeOf('nobody')).toBeUndefined();
  });

  it('holds a picture in place when another comes before it on its own day', async () => {
    const assets = library(2, 60);
    const { timeline } = await open(() => assets);
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    const models = new TimelineModels();
    const before = models.build(timeline, 1200, styleFor(1200));
    const y = (before.topOfDay(day(1)) ?? 0) + 900;
    const anchor = before.anchorAt(y);
    const id = anchor?.id ?? '';
    const top = before.placeOf(id)?.top ?? 0;
    assets.push(...Array.from({ length: 12 }, (_, index) => ({ id: `z${index}`, day: day(1) })));
    timeline.changed(day(1));
    await settle();
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    const after = models.build(timeline, 1200, styleFor(1200));
    const moved = (after.placeOf(id)?.top ?? 0) - top;
    expect(moved).toBeGreaterThan(100);
    expect(anchor && after.topOf(anchor)).toBeCloseTo(y + moved, 0);
  });

  it('lays out again only what changed', async () => {
    const { timeline } = await open(stored(400, 7));
    const models = new TimelineModels();
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    const first = models.build(timeline, 1200, styleFor(1200)).blocksIn(0, 300)[0]?.rows[0];
    const second = models.build(timeline, 1200, styleFor(1200)).blocksIn(0, 300)[0]?.rows[0];
    expect(second).toBe(first);
  });
});
