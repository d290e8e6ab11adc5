// The account's timeline: how many assets each day has, and the assets of the days that are looked at. It fetches stretches
// of days as the page looks at them, what changed when the server hints so, and forgets what has been far away for long.
import { api } from '../api';
import type { TimelineDay } from '../api/types';
import { cutIntoStretches, indexOfDay, stretchAt, type Stretch } from '../layout/stretches';
import type { Entry, Sequence, Viewed, Work } from './entries';
import { Loader } from './loader';
import { entriesBetween, idsBetween } from './pages';
import { EntryStore } from './store';

/** Hints come in bursts while photos are imported; so many milliseconds of them are answered by one fetch. */
const COALESCE_MS = 400;
const RETRY_MS = 4_000;
const NO_WORK: Work = { signal: new AbortController().signal, progress: () => undefined };

export class Timeline implements Sequence {
  total = $state(0);
  days = $state.raw<TimelineDay[]>([]);
  /** Counts have arrived at least once. */
  opened = $state(false);
  /** Grows whenever the content of any day changed. */
  revision = $state(0);
  stretches = $derived(cutIntoStretches(this.days));

  #store: EntryStore;
  #loader: Loader;
  #looked: readonly Stretch[] = [];
  #stale = new Set<string>();
  /** Days that are being fetched, request by request. */
  #coming = new Set<readonly string[]>();
  /** When a stretch's entries last came or went, for those for which they ever did. */
  #touched = new WeakMap<Stretch, number>();
  #touches = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts that were asked for, and which of them are shown: answers may overtake each other. */
  #asked = 0;
  #counted = 0;
  #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void = () => undefined, store = new EntryStore()) {
    this.#onError = onError;
    this.#store = store;
    this.#loader = new Loader({
      lacks: (stretch) => this.#lacking(stretch).length > 0,
      load: (stretch, signal) => this.#load(stretch, signal),
      failed: onError,
    });
  }

  async load(): Promise<void> {
    if (!this.opened) await this.#fetchCounts();
  }

  /** Forgets everything, also what is on its way. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#counted = ++this.#asked;
    this.#loader.clear();
    this.#looked = [];
    this.total = 0;
    this.days = [];
    this.opened = false;
    this.#store.clear();
    this.#stale.clear();
    this.revision++;
  }

  /** A day's assets, newest first; nothing while they are not loaded. */
  entriesOn(day: string): readonly Entry[] | undefined {
    return this.#store.on(day);
  }

  /** Changes whenever the entries of one of a stretch's days come, change or go. */
  touchOf(stretch: Stretch): number {
    return this.#touched.get(stretch) ?? 0;
  }

  /** These stretches can be seen, the most important first: what they lack is fetched, and they are not forgotten. */
  look(stretches: readonly Stretch[]): void {
    this.#looked = stretches;
    for (const stretch of stretches) for (const { day } of this.#daysOf(stretch)) this.#store.touch(day);
    this.#loader.look(stretches);
  }

  /** Loads what is missing or outdated of a stretch. */
  want(stretch: Stretch): Promise<void> {
    return this.#loader.hold(stretch);
  }

  /** The server hinted that a day changed. */
  changed(day: string): void {
    this.#stale.add(day);
    this.#timer ??= setTimeout(() => void this.#refetch(), COALESCE_MS);
  }

  /** The server hinted that anything may have changed. */
  changedSomewhere(): void {
    for (const day of this.#store.days()) this.#stale.add(day);
    // What is on its way may have been read before the change.
    for (const days of this.#coming) for (const day of days) this.#stale.add(day);
    this.#timer ??= setTimeout(() => void this.#refetch(), COALESCE_MS);
  }

  find(id: string): Entry | undefined {
    return this.#store.find(id);
  }

  async neighbour(id: string, step: 1 | -1): Promise<Entry | undefined> {
    const day = this.#store.dayOf(id);
    if (day === undefined) return undefined;
    this.#store.touch(day);
    const entries = this.#store.on(day) ?? [];
    const beside = entries[entries.findIndex((entry) => entry.id === id) + step];
    if (beside) return beside;
    // A day that has just emptied is among them no more, but it still has neighbours.
    const place = indexOfDay(this.days, day);
    let index = step === 1 && this.days[place]?.day !== day ? place : place + step;
    for (; index >= 0 && index < this.days.length; index += step) {
      const found = endOf(await this.#loadedDay(index), step);
      if (found) return found;
    }
    return undefined;
  }

  async loadAround(asset: Viewed): Promise<void> {
    await this.load();
    await this.end(1, asset.captured.local.slice(0, 10));
  }

  async end(side: 1 | -1, day?: string): Promise<Entry | undefined> {
    const index = day === undefined ? (side === 1 ? 0 : this.days.length - 1) : this.#indexOf(day);
    return endOf(await this.#loadedDay(index), side);
  }

  async between(first: string, last: string, work = NO_WORK): Promise<string[]> {
    const [a, b] = await Promise.all([first, last].map((id) => this.#placeOf(id)));
    if (a === undefined || b === undefined || a < 0 || b < 0) return [last];
    const ids = await this.#ids(Math.min(a, b), Math.max(a, b), work);
    const ends = [ids.indexOf(first), ids.indexOf(last)];
    return ids.slice(Math.max(0, Math.min(...ends)), Math.max(...ends) + 1);
  }

  async all(work: Work, day?: string): Promise<string[]> {
    if (day === undefined) return this.#ids(0, this.days.length - 1, work);
    const index = this.#indexOf(day);
    return index < 0 ? [] : this.#ids(index, index, work);
  }

  /** The ids of the days with these indexes, from memory if all of them are there. */
  async #ids(from: number, to: number, work: Work): Promise<string[]> {
    const days = this.days.slice(from, to + 1);
    const [newest, oldest] = [days[0]?.day, days.at(-1)?.day];
    if (newest === undefined || oldest === undefined) return [];
    if (days.every(({ day }) => this.#store.has(day) && !this.#stale.has(day))) {
      return days.flatMap(({ day }) => this.#store.on(day)?.map(({ id }) => id) ?? []);
    }
    return idsBetween(newest, oldest, days.reduce((sum, { count }) => sum + count, 0), work);
  }

  /** The index of the day an asset is on; of one that is not in memory (any more) the server knows the day. */
  async #placeOf(id: string): Promise<number> {
    return this.#indexOf(this.#store.dayOf(id) ?? (await api.asset(id)).captured.local.slice(0, 10));
  }

  #indexOf(day: string): number {
    const index = indexOfDay(this.days, day);
    return this.days[index]?.day === day ? index : -1;
  }

  #daysOf(stretch: Stretch): TimelineDay[] {
    return this.days.slice(stretch.from, stretch.to);
  }

  /** The days that are laid out as one with this one. */
  #besides(day: string): string[] {
    const index = this.#indexOf(day);
    const stretch = index < 0 ? undefined : stretchAt(this.stretches, index);
    return stretch ? this.#daysOf(stretch).map((one) => one.day) : [];
  }

  #lacking(stretch: Stretch): string[] {
    const days = this.#daysOf(stretch).map(({ day }) => day);
    return days.filter((day) => !this.#store.has(day) || this.#stale.has(day));
  }

  async #loadedDay(index: number): Promise<readonly Entry[]> {
    const day = this.days[index]?.day;
    const stretch = stretchAt(this.stretches, index);
    if (day === undefined || !stretch) return [];
    if (!this.#store.has(day)) await this.want(stretch);
    return this.#store.on(day) ?? [];
  }

  async #fetchCounts(round = ++this.#asked): Promise<void> {
    const counts = await api.timeline();
    if (round < this.#counted) return;
    this.#counted = round;
    const before = new Map(this.days.map(({ day, count }) => [day, count]));
    for (const { day, count } of counts.days) {
      if (this.#store.has(day) && before.get(day) !== count) this.#stale.add(day);
    }
    this.days = counts.days;
    this.total = counts.total;
    this.opened = true;
  }

  async #refetch(): Promise<void> {
    // What is hinted at from now on may not be in the answer.
    this.#timer = undefined;
    const round = ++this.#asked;
    try {
      await this.#fetchCounts(round);
      this.revision++;
    } catch (error) {
      if (round < this.#counted) return;
      this.#timer ??= setTimeout(() => void this.#refetch(), RETRY_MS);
      this.#onError(error);
    }
  }

  async #load(stretch: Stretch, signal: AbortSignal): Promise<void> {
    const lacking = this.#lacking(stretch);
    const [newest, oldest] = [lacking[0], lacking.at(-1)];
    if (newest === undefined || oldest === undefined) return;
    const outdated = lacking.filter((day) => this.#stale.delete(day));
    let found: Map<string, Entry[]>;
    this.#coming.add(lacking);
    try {
      found = await entriesBetween(newest, oldest, signal);
    } catch (error) {
      for (const day of outdated) this.#stale.add(day);
      throw error;
    } finally {
      this.#coming.delete(lacking);
    }
    const arrived = this.days.slice(indexOfDay(this.days, newest), indexOfDay(this.days, oldest) + 1);
    for (const { day } of arrived) {
      if (day >= oldest) this.#store.keep(day, found.get(day) ?? []);
    }
    const needed = (day: string) => this.#isLookedAt(day) || (day <= stretch.newest && day >= stretch.oldest);
    const gone = this.#store.trim(needed, (day) => [day, ...this.#besides(day)]);
    this.#touch([...arrived.map(({ day }) => day), ...gone]);
  }

  #isLookedAt(day: string): boolean {
    return this.#looked.some(({ newest, oldest }) => day <= newest && day >= oldest);
  }

  #touch(days: readonly string[]): void {
    this.#touches++;
    for (const day of days) {
      const stretch = stretchAt(this.stretches, indexOfDay(this.days, day));
      if (stretch) this.#touched.set(stretch, this.#touches);
    }
    this.revision++;
  }
}

function endOf(entries: readonly Entry[], side: 1 | -1): Entry | undefined {
  return side === 1 ? entries[0] : entries.at(-1);
}
