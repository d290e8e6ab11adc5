// Which assets are selected. One selection for the page; going elsewhere clears it. What reaches over days that are not in
// memory is asked of the server first and then selected at once, so that nobody acts on half of what was meant.
import type { Sequence, Work } from './entries';
import { IdSet } from './idset.svelte';

/** So many are looked at between two frames: a million at once would hold the page up. */
const SLICE = 50_000;

class Selection {
  readonly ids = new IdSet();
  /** How far a search for very many ids is. */
  gathering = $state.raw<{ done: number; of: number }>();
  /** Where a range begins: the last one picked by itself. */
  #anchor: string | undefined;
  /** Where it ends. */
  #head: string | undefined;
  /** What the range added, so that it can shrink again. */
  #range: ReadonlySet<string> = new Set();
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
    const range = this.#range;
    await this.#gather(
      (work) => sequence.between(anchor, id, work),
      (found, next) => {
        const added = found.filter((one) => !this.ids.has(one) || range.has(one));
        this.ids.replace(next);
        this.#range = new Set(added);
        this.#head = id;
      },
      (id) => !range.has(id),
    );
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
    await this.#gather(
      (work) => sequence.all(work),
      (_, next) => {
        this.ids.replace(next);
        this.#begin(this.#anchor);
      },
    );
  }

  /** Selects all of a day, or none of it if all was selected. */
  async toggleDay(day: string, sequence: Sequence): Promise<void> {
    await this.#gather(
      (work) => sequence.all(work, day),
      (found) => this.toggleAll(found),
    );
  }

  /** Selects all of these, or none of them if all were selected. */
  toggleAll(ids: readonly string[]): void {
    const all = ids.every((id) => this.ids.has(id));
    if (all) for (const id of ids) this.ids.delete(id);
    else this.ids.addAll(ids);
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
    this.#range = new Set();
  }

  /** Finds ids and hands them to `take`, with a set of them and those selected before that it `keeps`; unless it was given up. */
  async #gather(
    find: (work: Work) => Promise<string[]>,
    take: (found: string[], next: Set<string>) => void,
    keeps: (id: string) => boolean = () => true,
  ): Promise<void> {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    const progress = (done: number, of: number) => {
      if (!abort.signal.aborted) this.gathering = { done, of };
    };
    try {
      const found = await find({ signal: abort.signal, progress });
      const next = new Set([...this.ids].filter(keeps));
      for (let start = 0; start < found.length; start += SLICE) {
        if (start > 0) await new Promise((resume) => setTimeout(resume));
        if (abort.signal.aborted) return;
        for (const id of found.slice(start, start + SLICE)) next.add(id);
      }
      if (!abort.signal.aborted) take(found, next);
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    } finally {
      if (this.#abort === abort) this.stop();
    }
  }
}

export const selection = new Selection();
