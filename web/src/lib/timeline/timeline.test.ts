import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { at, day, library, open, stored, settle } from './timeline.fake';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

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

  it('hears what is hinted at while it counts', async () => {
    const assets = library(3, 2);
    const { timeline, requests } = await open(() => assets);
    const fetched = globalThis.fetch;
    let answer: () => void = () => undefined;
    vi.stubGlobal('fetch', async (...call: Parameters<typeof fetch>) => {
      const counts = await fetched(...call);
      await new Promise<void>((resolve) => (answer = resolve));
      return counts;
    });
    timeline.changed(day(2));
    await settle();
    // The counts were read before this one came.
    assets.push({ id: 'a999999', day: day(2) });
    timeline.changed(day(2));
    answer();
    await settle();
    answer();
    await settle();
    expect(requests.filter((address) => address === '/api/timeline')).toHaveLength(3);
    expect(timeline.total).toBe(7);
  });

  it('shows the counts that were asked for last, whichever come last', async () => {
    const assets = library(3, 2);
    const { timeline } = await open(() => assets);
    const fetched = globalThis.fetch;
    const answers: (() => void)[] = [];
    vi.stubGlobal('fetch', async (...call: Parameters<typeof fetch>) => {
      const counts = await fetched(...call);
      await new Promise<void>((resolve) => answers.push(resolve));
      return counts;
    });
    timeline.changed(day(2));
    await settle();
    assets.push({ id: 'a999999', day: day(2) });
    timeline.changed(day(2));
    await settle();
    answers[1]?.();
    await settle();
    answers[0]?.();
    await settle();
    expect(timeline.total).toBe(7);
  });

  it('asks for nothing once it is to forget', async () => {
    const { timeline, requests } = await open(stored(3, 2));
    const fetched = globalThis.fetch;
    let fail: () => void = () => undefined;
    vi.stubGlobal('fetch', async (...call: Parameters<typeof fetch>) => {
      await fetched(...call);
      return await new Promise<Response>((_, reject) => (fail = () => reject(new Error('away'))));
    });
    timeline.changed(day(2));
    await settle();
    timeline.changed(day(1));
    timeline.clear();
    // The client asks once more by itself.
    for (let times = 0; times < 2; times++) {
      fail();
      await settle();
    }
    const asked = requests.length;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(requests.slice(asked).filter((address) => address === '/api/timeline')).toEqual([]);
    expect(timeline.opened).toBe(false);
  });

  it('fetches again what was on its way when anything may have changed', async () => {
    const { timeline, requests } = await open(stored(3, 2));
    const stretch = at(timeline, 0);
    const first = timeline.want(stretch);
    timeline.changedSomewhere();
    await first;
    await settle();
    const before = requests.length;
    await timeline.want(stretch);
    expect(requests.length).toBe(before + 1);
    await timeline.want(stretch);
    expect(requests.length).toBe(before + 1);
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

  it('knows what was beside the only one of a day that has just gone', async () => {
    let assets = library(3, 1);
    const { timeline } = await open(() => assets);
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    const [newest, gone, oldest] = [day(2), day(1), day(0)].map((one) => timeline.entriesOn(one)?.[0]?.id ?? '');
    assets = assets.filter(({ id }) => id !== gone);
    timeline.changedSomewhere();
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await timeline.neighbour(gone ?? '', -1))?.id).toBe(newest);
    expect((await timeline.neighbour(gone ?? '', 1))?.id).toBe(oldest);
  });
});
