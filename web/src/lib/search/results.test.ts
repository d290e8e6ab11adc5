import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Asset } from '../api/types';
import { columnsOf } from '../timeline/timeline.fake';
import { NoSuchAlbum, SearchResults } from './results.svelte';

interface Stored {
  id: string;
  day: string;
  hit: boolean;
}

/** So many assets a page looks at; the real server's are thousands. */
const INSPECTED = 10;

/** A server that looks at a few assets for each answer, as the real one does. */
function serve(stored: Stored[]) {
  const asked: string[] = [];
  const server = { stored, asked, failing: false };
  vi.stubGlobal('fetch', async (address: string) => {
    asked.push(address);
    const { searchParams: query } = new URL(address, 'http://picup');
    if (server.failing) return new Response(JSON.stringify({ title: 'no', status: 500, type: 'x', detail: '' }), { status: 500 });
    if (address.startsWith('/api/albums')) return new Response(JSON.stringify({ albums: [{ id: 'sea', title: 'Sea' }] }));
    const [from, to] = [query.get('from') ?? '0', query.get('to') ?? '9'];
    const order = server.stored
      .filter(({ day }) => day >= from && day <= to)
      .sort((a, b) => b.day.localeCompare(a.day) || b.id.localeCompare(a.id));
    const start = query.has('cursor') ? order.findIndex(({ id }) => id === query.get('cursor')) + 1 : 0;
    const page = order.slice(start, start + INSPECTED);
    const last = start + INSPECTED < order.length ? page.at(-1) : undefined;
    const assets = columnsOf(page.filter(({ hit }) => hit), last?.id);
    return new Response(JSON.stringify({ assets, searched_to: last?.day }));
  });
  return server;
}

const dayOf = (index: number) => new Date(Date.UTC(2024, 0, 1) + index * 86_400_000).toISOString().slice(0, 10);
/** So many a day, of which every `rare`th is what is looked for. */
const library = (days: number, each: number, rare: number): Stored[] =>
  Array.from({ length: days * each }, (_, index) => ({
    id: `a${String(index).padStart(6, '0')}`,
    day: dayOf(Math.floor(index / each)),
    hit: index % rare === 0,
  }));
const hitsOf = (stored: Stored[]) =>
  stored.filter(({ hit }) => hit).map(({ id }) => id).sort().reverse();
const shown = (results: SearchResults) =>
  results.days.flatMap(({ day }) => (results.entriesOn(day) ?? []).map(({ id }) => id));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('a search', () => {
  it('goes on until everything has been looked at, when little is found', async () => {
    const server = serve(library(20, 7, 13));
    const results = new SearchResults({ words: ['x'] });
    const done = results.searchOn();
    expect(results.searching).toBe(true);
    await done;
    expect(shown(results)).toEqual(hitsOf(server.stored));
    expect(results).toMatchObject({ complete: true, searching: false, searchedTo: undefined, total: 11 });
    expect(server.asked).toHaveLength(14);
    expect(server.asked.every((address) => address.includes('text=x'))).toBe(true);
    await results.searchOn();
    expect(server.asked).toHaveLength(14);
  });

  it('stops when there is enough to see, and goes on as one scrolls', async () => {
    const server = serve(library(40, 50, 1));
    const results = new SearchResults({ words: [] });
    await results.searchOn();
    expect(results).toMatchObject({ total: 500, complete: false, searching: false, searchedTo: dayOf(30) });
    await Promise.all([results.searchOn(), results.searchOn()]);
    expect(results.total).toBe(1000);
    expect(shown(results)).toEqual(hitsOf(server.stored).slice(0, 1000));
  });

  it('is a sequence that a viewer can walk beyond what is loaded', async () => {
    const server = serve(library(40, 50, 1));
    const results = new SearchResults({ words: [] });
    await results.searchOn();
    const order = hitsOf(server.stored);
    expect(await results.neighbour(order[499] ?? '', 1)).toMatchObject({ id: order[500] });
    expect(await results.neighbour(order[0] ?? '', -1)).toBeUndefined();
    expect(await results.neighbour('nothing', 1)).toBeUndefined();
    expect(await results.between(order[3] ?? '', order[1] ?? '')).toEqual(order.slice(1, 4));
    // One that was opened by its address is searched for, and no further than its day.
    const fresh = new SearchResults({ words: [] });
    await fresh.loadAround({ id: order[100], captured: { local: `${dayOf(37)}T00:00:00` } } as unknown as Asset);
    expect(fresh.find(order[100] ?? '')).toBeDefined();
    await fresh.loadAround({ id: 'gone', captured: { local: `${dayOf(35)}T00:00:00` } } as unknown as Asset);
    expect(fresh.searchedTo).toBe(dayOf(34));
  });

  it('asks for a changed day alone, unless it is still to come', async () => {
    const server = serve(library(20, 7, 2));
    const results = new SearchResults({ words: [], from: dayOf(5) });
    await results.searchOn();
    const before = server.asked.length;
    const moved = results.entriesOn(dayOf(10))?.[0]?.id ?? '';
    server.stored = server.stored.map((one) => (one.id === moved ? { ...one, day: dayOf(11) } : one));
    server.stored = server.stored.filter(({ day }) => day !== dayOf(12));
    for (const day of [10, 11, 12, 12, 3]) results.changed(dayOf(day));
    await vi.runAllTimersAsync();
    expect(server.asked.slice(before).map((address) => new URL(address, 'http://picup').searchParams.get('from'))).toEqual([
      dayOf(10),
      dayOf(11),
      dayOf(12),
    ]);
    const hits = server.stored.filter(({ hit, day }) => hit && day >= dayOf(5));
    expect(shown(results)).toEqual(hits.sort((a, b) => b.day.localeCompare(a.day) || b.id.localeCompare(a.id)).map(({ id }) => id));
  });

  it('does not ask for changes that it will come to', async () => {
    const server = serve(library(40, 50, 1));
    const results = new SearchResults({ words: [] });
    const going = results.searchOn();
    results.changed(dayOf(39));
    results.changed(dayOf(3));
    await going;
    const asked = server.asked.length;
    await vi.runAllTimersAsync();
    expect(server.asked.slice(asked).every((address) => address.includes(`from=${dayOf(39)}`))).toBe(true);
    expect(server.asked.length).toBeGreaterThan(asked);
  });

  it('is made anew as far as it had come when anything may have changed', async () => {
    const server = serve(library(40, 50, 1));
    const results = new SearchResults({ words: [] });
    await results.searchOn();
    const searchedTo = results.searchedTo ?? '';
    server.stored = server.stored.filter((_, index) => index % 5 > 0);
    results.changedSomewhere();
    results.changedSomewhere();
    await vi.runAllTimersAsync();
    // What is gone is no reason to look for others further back.
    const days = server.stored.filter(({ day }) => day >= searchedTo);
    expect(shown(results).slice(0, days.length)).toEqual(hitsOf(days));
    expect(shown(results).length - days.length).toBeLessThanOrEqual(INSPECTED);
    expect(results.complete).toBe(false);
  });

  it('tells of an error, and goes on from there', async () => {
    const server = serve(library(40, 50, 1));
    const results = new SearchResults({ words: [] });
    await results.searchOn();
    server.failing = true;
    await results.searchOn();
    expect(results).toMatchObject({ total: 500, searching: false });
    expect(results.error).toBeDefined();
    const asked = server.asked.length;
    await results.searchOn();
    expect(server.asked).toHaveLength(asked);
    server.failing = false;
    await results.retry();
    expect(results).toMatchObject({ total: 1000, error: undefined });
  });

  it('asks for an album by its id, and says when there is none', async () => {
    const server = serve(library(2, 2, 1));
    const results = new SearchResults({ words: [], album: 'sea' });
    await results.searchOn();
    expect(server.asked.at(-1)).toContain('album=sea');
    const none = new SearchResults({ words: [], album: 'Lake' });
    await none.searchOn();
    expect(none.error).toBeInstanceOf(NoSuchAlbum);
    expect(none.error).toMatchObject({ title: 'Lake' });
  });

  it('ends when nobody looks any more', async () => {
    const server = serve(library(40, 50, 1));
    const results = new SearchResults({ words: [] });
    const going = results.searchOn();
    results.close();
    await going;
    expect(server.asked.length).toBeLessThan(3);
    expect(results.error).toBeUndefined();
  });
});
