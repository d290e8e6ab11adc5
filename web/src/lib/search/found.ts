// What a search has found so far, by day, newest first: what the grid lays out and the viewer walks.
import type { TimelineDay } from '../api/types';
import type { Entry } from '../timeline/entries';

export class Found {
  #entries = new Map<string, readonly Entry[]>();
  #dayOf = new Map<string, string>();

  get total(): number {
    return this.#dayOf.size;
  }

  get days(): TimelineDay[] {
    const days = [...this.#entries].map(([day, entries]) => ({ day, count: entries.length }));
    return days.sort((a, b) => (a.day < b.day ? 1 : -1));
  }

  on(day: string): readonly Entry[] | undefined {
    return this.#entries.get(day);
  }

  find(id: string): Entry | undefined {
    return this.#entries.get(this.#dayOf.get(id) ?? '')?.find((entry) => entry.id === id);
  }

  /** Adds what comes after all that is here. What is here already, because its day was asked for anew, stays once. */
  append(entries: readonly Entry[]): void {
    for (const [day, fresh] of byDay(entries.filter(({ id }) => !this.#dayOf.has(id)))) {
      this.#keep(day, [...(this.#entries.get(day) ?? []), ...fresh]);
    }
  }

  /** Takes a day's entries for all that day has. */
  replace(day: string, entries: readonly Entry[]): void {
    for (const { id } of this.#entries.get(day) ?? []) this.#dayOf.delete(id);
    for (const { id } of entries) this.#leave(id);
    if (entries.length === 0) this.#entries.delete(day);
    else this.#keep(day, entries);
  }

  /** The one before or after, among what is here. */
  beside(id: string, step: 1 | -1): Entry | undefined {
    const order = this.#order();
    const index = order.findIndex((entry) => entry.id === id);
    return index < 0 ? undefined : order[index + step];
  }

  between(first: string, last: string): string[] {
    const ids = this.#order().map((entry) => entry.id);
    const ends = [ids.indexOf(first), ids.indexOf(last)];
    return ends.includes(-1) ? [last] : ids.slice(Math.min(...ends), Math.max(...ends) + 1);
  }

  #order(): Entry[] {
    return this.days.flatMap(({ day }) => this.#entries.get(day) ?? []);
  }

  #keep(day: string, entries: readonly Entry[]): void {
    this.#entries.set(day, entries);
    for (const { id } of entries) this.#dayOf.set(id, day);
  }

  /** An asset that has come to another day is no longer on the one it was found on. */
  #leave(id: string): void {
    const day = this.#dayOf.get(id);
    if (day === undefined) return;
    this.#dayOf.delete(id);
    const rest = (this.#entries.get(day) ?? []).filter((entry) => entry.id !== id);
    if (rest.length === 0) this.#entries.delete(day);
    else this.#entries.set(day, rest);
  }
}

function byDay(entries: readonly Entry[]): Map<string, Entry[]> {
  const days = new Map<string, Entry[]>();
  for (const entry of entries) {
    const day = days.get(entry.day);
    if (day) day.push(entry);
    else days.set(entry.day, [entry]);
  }
  return days;
}
