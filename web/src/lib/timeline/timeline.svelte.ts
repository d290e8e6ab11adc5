// The account's timeline: how many assets each day has, and the assets of the days that have been looked at. It fetches
// stretches of days as the page asks for them, and what changed when the server hints so.
import { api } from '../api';
import type { Asset, TimelineDay } from '../api/types';
import { cutIntoStretches, type Stretch } from '../layout/stretches';
import { entriesOf, type Entry, type Sequence } from './entries';

/** Hints come in bursts while photos are imported; so many milliseconds of them are answered by one fetch. */
const COALESCE_MS = 400;
const RETRY_MS = 4_000;
const PAGE = 1000;

export class Timeline implements Sequence {
  total = $state(0);
  days = $state.raw<TimelineDay[]>([]);
  /** Counts have arrived at least once. */
  opened = $state(false);
  /** Grows whenever the content of any day changed. */
  revision = $state(0);
  stretches = $derived(cutIntoStretches(this.days));

  #entries = new Map<string, readonly Entry[]>();
  #dayOf = new Map<string, string>();
  #stale = new Set<string>();
  #loading = new Map<string, Promise<void>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void = () => undefined) {
    this.#onError = onError;
  }

  async load(): Promise<void> {
    if (!this.opened) await this.#fetchCounts();
  }

  /** Forgets everything, for the next account. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.total = 0;
    this.days = [];
    this.opened = false;
    this.#entries.clear();
    this.#dayOf.clear();
    this.#stale.clear();
    this.#loading.clear();
    this.revision++;
  }

  /** A day's assets, newest first; nothing while they are not loaded. */
  entriesOn(day: string): readonly Entry[] | undefined {
    return this.#entries.get(day);
  }

  /** Loads what is missing or outdated of a stretch that is about to be seen. */
  want(stretch: Stretch): Promise<void> {
    const days = this.days.slice(stretch.from, stretch.to).map(({ day }) => day);
    const wanted = days.filter((day) => !this.#entries.has(day) || this.#stale.has(day));
    const [newest, oldest] = [wanted[0], wanted.at(-1)];
    if (newest === undefined || oldest === undefined) return Promise.resolve();
    const key = `${newest} ${oldest}`;
    const running = this.#loading.get(key) ?? this.#load(key, newest, oldest);
    this.#loading.set(key, running);
    return running;
  }

  /** The server hinted that a day changed. */
  changed(day: string): void {
    this.#stale.add(day);
    this.#timer ??= setTimeout(() => void this.#refetch(), COALESCE_MS);
  }

  /** The server hinted that anything may have changed. */
  changedSomewhere(): void {
    for (const day of this.#entries.keys()) this.#stale.add(day);
    this.#timer ??= setTimeout(() => void this.#refetch(), COALESCE_MS);
  }

  find(id: string): Entry | undefined {
    const day = this.#dayOf.get(id);
    return day === undefined ? undefined : this.#entries.get(day)?.find((entry) => entry.id === id);
  }

  async neighbour(id: string, step: 1 | -1): Promise<Entry | undefined> {
    const day = this.#dayOf.get(id);
    if (day === undefined) return undefined;
    const entries = this.#entries.get(day) ?? [];
    const beside = entries[entries.findIndex((entry) => entry.id === id) + step];
    if (beside) return beside;
    let index = this.days.findIndex((one) => one.day === day) + step;
    for (; index >= 0 && index < this.days.length; index += step) {
      const entries = await this.#loadedDay(index);
      const found = step === 1 ? entries[0] : entries.at(-1);
      if (found) return found;
    }
    return undefined;
  }

  async loadAround(asset: Asset): Promise<void> {
    await this.load();
    const day = asset.captured.local.slice(0, 10);
    const index = this.days.findIndex((one) => one.day === day);
    if (index >= 0) await this.#loadedDay(index);
  }

  async between(first: string, last: string): Promise<string[]> {
    const [a, b] = [first, last].map((id) => this.days.findIndex(({ day }) => day === this.#dayOf.get(id)));
    if (a === undefined || b === undefined || a < 0 || b < 0) return [last];
    const ids: string[] = [];
    for (let index = Math.min(a, b); index <= Math.max(a, b); index++) {
      ids.push(...(await this.#loadedDay(index)).map((entry) => entry.id));
    }
    const ends = [ids.indexOf(first), ids.indexOf(last)];
    return ids.slice(Math.min(...ends), Math.max(...ends) + 1);
  }

  async #loadedDay(index: number): Promise<readonly Entry[]> {
    const day = this.days[index]?.day;
    if (day === undefined) return [];
    const stretch = this.stretches.find(({ from, to }) => from <= index && index < to);
    if (!this.#entries.has(day) && stretch) await this.want(stretch);
    return this.#entries.get(day) ?? [];
  }

  async #fetchCounts(): Promise<void> {
    const counts = await api.timeline();
    const before = new Map(this.days.map(({ day, count }) => [day, count]));
    for (const { day, count } of counts.days) {
      if (this.#entries.has(day) && before.get(day) !== count) this.#stale.add(day);
    }
    this.days = counts.days;
    this.total = counts.total;
    this.opened = true;
  }

  async #refetch(): Promise<void> {
    try {
      await this.#fetchCounts();
      this.#timer = undefined;
      this.revision++;
    } catch (error) {
      this.#timer = setTimeout(() => void this.#refetch(), RETRY_MS);
      this.#onError(error);
    }
  }

  async #load(key: string, newest: string, oldest: string): Promise<void> {
    try {
      for (const day of this.#stale) if (day <= newest && day >= oldest) this.#stale.delete(day);
      const found = await fetchDays(newest, oldest);
      for (const { day } of this.days) if (day <= newest && day >= oldest) this.#keep(day, found.get(day) ?? []);
      this.#loading.delete(key);
      this.revision++;
    } catch (error) {
      this.#onError(error);
      // Asked again when the page next wants it, but not at once and not in a loop.
      setTimeout(() => {
        this.#loading.delete(key);
        this.revision++;
      }, RETRY_MS);
    }
  }

  #keep(day: string, entries: readonly Entry[]): void {
    for (const entry of this.#entries.get(day) ?? []) {
      if (this.#dayOf.get(entry.id) === day) this.#dayOf.delete(entry.id);
    }
    this.#entries.set(day, entries);
    for (const entry of entries) this.#dayOf.set(entry.id, day);
  }
}

async function fetchDays(newest: string, oldest: string): Promise<Map<string, Entry[]>> {
  const days = new Map<string, Entry[]>();
  let cursor: string | undefined;
  do {
    const columns = await api.timelineAssets({ newest, oldest, limit: PAGE, ...(cursor ? { cursor } : {}) });
    for (const entry of entriesOf(columns)) {
      const day = days.get(entry.day);
      if (day) day.push(entry);
      else days.set(entry.day, [entry]);
    }
    cursor = columns.next ?? undefined;
  } while (cursor !== undefined);
  return days;
}
