// For tests: a server's two answers of a timeline, from a list of assets, and what tests ask of it.
import { vi } from 'vitest';
import type { EntryStore } from './store';
import { Timeline } from './timeline.svelte';

export interface Stored {
  id: string;
  day: string;
}

/** A page of ready photos, as the API sends its columns. */
export function columnsOf(page: readonly Stored[], next: string | null | undefined) {
  const column = <T>(value: T) => page.map(() => value);
  return {
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
    next,
  };
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
    return answer(columnsOf(page, start + 40 < all.length ? String(start + 40) : null));
  });
  return requests;
}

export const day = (index: number) => new Date(Date.UTC(2024, 0, 1) + index * 86_400_000).toISOString().slice(0, 10);
export const library = (days: number, each: number): Stored[] =>
  Array.from({ length: days * each }, (_, index) => ({ id: `a${String(index).padStart(6, '0')}`, day: day(Math.floor(index / each)) }));

export const stored = (days: number, each: number) => {
  const assets = library(days, each);
  return () => assets;
};

export async function open(assets: () => Stored[], store?: EntryStore) {
  const requests = serve(assets);
  const timeline = new Timeline((error) => {
    throw error;
  }, store);
  await timeline.load();
  return { timeline, requests };
}

export const settle = () => vi.advanceTimersByTimeAsync(1_000);
export const at = (timeline: Timeline, index: number) => {
  const stretch = timeline.stretches[index];
  if (!stretch) throw new Error('no stretch');
  return stretch;
};
export const work = () => {
  const told: string[] = [];
  const abort = new AbortController();
  return { told, abort, work: { signal: abort.signal, progress: (done: number, of: number) => void told.push(`${done}/${of}`) } };
};
