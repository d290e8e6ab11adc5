// The entries of the days that were looked at. Bounded: what was not looked at for longest goes first, so that a timeline of
// any length takes the same memory.
import type { Entry } from './entries';

/** Some dozens of screens; about ten megabytes. */
const MOST = 20_000;

export class EntryStore {
  /** Least recently looked at first. */
  #days = new Map<string, readonly Entry[]>();
  #dayOf = new Map<string, string>();
  #most: number;

  constructor(most = MOST) {
    this.#most = most;
  }

  get size(): number {
    return this.#dayOf.size;
  }

  has(day: string): boolean {
    return this.#days.has(day);
  }

  days(): Iterable<string> {
    return this.#days.keys();
  }

  on(day: string): readonly Entry[] | undefined {
    return this.#days.get(day);
  }

  dayOf(id: string): string | undefined {
    return this.#dayOf.get(id);
  }

  find(id: string): Entry | undefined {
    const day = this.#dayOf.get(id);
    return day === undefined ? undefined : this.#days.get(day)?.find((entry) => entry.id === id);
  }

  keep(day: string, entries: readonly Entry[]): void {
    this.#unname(day);
    this.#days.delete(day);
    this.#days.set(day, entries);
    for (const entry of entries) this.#dayOf.set(entry.id, day);
  }

  /** Somebody looks at that day. */
  touch(day: string): void {
    const entries = this.#days.get(day);
    if (!entries) return;
    this.#days.delete(day);
    this.#days.set(day, entries);
  }

  /** Lets go of what is too much, but for the days that are needed; a day goes with its `companions`. Gives what it forgot. */
  trim(needed: (day: string) => boolean, companions: (day: string) => readonly string[]): string[] {
    const gone: string[] = [];
    for (const day of [...this.#days.keys()]) {
      if (this.size <= this.#most) break;
      if (needed(day) || !this.#days.has(day)) continue;
      for (const one of companions(day)) {
        this.#unname(one);
        if (this.#days.delete(one)) gone.push(one);
      }
    }
    return gone;
  }

  clear(): void {
    this.#days.clear();
    this.#dayOf.clear();
  }

  #unname(day: string): void {
    // One that moved to another day belongs to that one by now.
    for (const { id } of this.#days.get(day) ?? []) if (this.#dayOf.get(id) === day) this.#dayOf.delete(id);
  }
}
