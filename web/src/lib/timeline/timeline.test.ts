import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { styleFor } from '../layout/grid';
import { TimelineModels } from './model';
import { Timeline } from './timeline.svelte';

interface Stored {
  id: string;
  day: string;
}

/** The two requests of a timeline, answered from a list of assets. */
function serve(assets: () => Stored[]) {
  const requests: string[] = [];
  const answer = (body: unknown) => new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } });
  vi.stubGlobal('fetch', async (address: string) => {
    requests.push(address);
    const url = new URL(address, 'http://picup');
    const newestFirst = assets().toSorted((a, b) => b.day.localeCompare(a.day) || b.id.localeCompare(a.id));
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

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function open(assets: () => Stored[]) {
  const requests = serve(assets);
  const timeline = new Timeline((error) => {
    throw error;
  });
  await timeline.load();
  return { timeline, requests };
}

describe('the timeline', () => {
  it('fetches a stretch once, over all its pages', async () => {
    const { timeline, requests } = await open(() => library(100, 10));
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

describe('its model', () => {
  it('shows only what stands in the window, and everything over all windows', async () => {
    const { timeline } = await open(() => library(300, 7));
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
    const { timeline } = await open(() => library(300, 7));
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

  it('lays out again only what changed', async () => {
    const { timeline } = await open(() => library(400, 7));
    const models = new TimelineModels();
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    const first = models.build(timeline, 1200, styleFor(1200)).blocksIn(0, 300)[0]?.rows[0];
    const second = models.build(timeline, 1200, styleFor(1200)).blocksIn(0, 300)[0]?.rows[0];
    expect(second).toBe(first);
  });
});
