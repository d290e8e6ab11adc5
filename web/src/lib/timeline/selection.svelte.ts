// Which assets are selected. One selection for the page; going elsewhere clears it. What reaches over days that are not in
// memory is asked of the server first and then selected at once, so that nobody acts on half of what was meant.
import { SvelteSet } from 'svelte/reactivity';
import type { Sequence, Work } from './entries';

/** So many are added between two frames: a million at once would hold the page up. */
const SLICE = 20_000;

class Selection {
  readonly ids = new SvelteSet<string>();
  /** How far a search for very many ids is. */
  gathering = $state.raw<{ done: number; of: number }>();
  /** Where a range begins: the last one picked by itself. */
  #anchor: string | undefined;
  /** Where it ends. */
  #head: string | undefined;
  /** What the range added, so that it can shrink again. */
  #range: readonly string[] = [];
  #abort: AbortController | undefined;

  get size(): number {
    return this.ids.size;
  }

  toggle(id: string): void {
    this.stop();
    if (!this.ids.delete(id)) this.ids.add(id);
    this.#begin(id);
  }

  /** Makes the range reach from the last one picked to this one, wherever it reached before. */
  async extendTo(id: string, sequence: Sequence): Promise<void> {
    const anchor = this.#anchor;
    if (anchor === undefined) return this.toggle(id);
    const found = await this.#gather((work) => sequence.between(anchor, id, work));
    if (!found) return;
    const reached = new Set(found);
    const kept = this.#range.filter((one) => reached.has(one));
    for (const one of this.#range) if (!reached.has(one)) this.ids.delete(one);
    const added = found.filter((one) => !this.ids.has(one));
    await this.#add(added);
    this.#range = [...kept, ...added];
    this.#head = id;
  }

  /** A range goes on from here: from where it began if this is where it ends, else it begins here. */
  rangeFrom(id: string): void {
    if (this.#head === id) return;
    this.stop();
    this.ids.add(id);
    this.#begin(id);
  }

  /** Selects everything of a sequence. */
  async selectAll(sequence: Sequence): Promise<void> {
    const found = await this.#gather((work) => sequence.all(work));
    if (found) await this.#add(found);
    this.#begin(this.#anchor);
  }

  /** Selects all of a day, or none of it if all was selected. */
  async toggleDay(day: string, sequence: Sequence): Promise<void> {
    const found = await this.#gather((work) => sequence.all(work, day));
    if (found) this.toggleAll(found);
  }

  /** Selects all of these, or none of them if all were selected. */
  toggleAll(ids: readonly string[]): void {
    const all = ids.every((id) => this.ids.has(id));
    for (const id of ids) {
      if (all) this.ids.delete(id);
      else this.ids.add(id);
    }
    this.#begin(all ? undefined : ids[0]);
  }

  /** Gives up the search that is under way; what was selected stays. */
  stop(): void {
    this.#abort?.abort();
    this.#abort = undefined;
    this.gathering = undefined;
  }

  clear(): void {
    this.stop();
    this.ids.clear();
    this.#begin(undefined);
  }

  #begin(anchor: string | undefined): void {
    this.#anchor = anchor;
    this.#head = anchor;
    this.#range = [];
  }

  /** What `find` finds, or nothing when another search, or anything else, took its place. */
  async #gather(find: (work: Work) => Promise<string[]>): Promise<string[] | undefined> {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    const progress = (done: number, of: number) => {
      if (!abort.signal.aborted) this.gathering = { done, of };
    };
    try {
      const found = await find({ signal: abort.signal, progress });
      return abort.signal.aborted ? undefined : found;
    } catch (error) {
      if (abort.signal.aborted) return undefined;
      throw error;
    } finally {
      if (this.#abort === abort) this.stop();
    }
  }

  async #add(ids: readonly string[]): Promise<void> {
    for (let start = 0; start < ids.length; start += SLICE) {
      if (start > 0) await new Promise((resume) => setTimeout(resume));
      for (const id of ids.slice(start, start + SLICE)) this.ids.add(id);
    }
  }
}

export const selection = new Selection();
