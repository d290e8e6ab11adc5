// Which assets are selected. One selection for the page; going elsewhere clears it.
import { SvelteSet } from 'svelte/reactivity';
import type { Sequence } from './entries';

class Selection {
  readonly ids = new SvelteSet<string>();
  /** Where a Shift-range begins: the last one picked by itself. */
  #anchor: string | undefined;

  get size(): number {
    return this.ids.size;
  }

  toggle(id: string): void {
    if (!this.ids.delete(id)) this.ids.add(id);
    this.#anchor = id;
  }

  /** Selects everything from the last one picked to this one. */
  async extendTo(id: string, sequence: Sequence): Promise<void> {
    if (this.#anchor === undefined) return this.toggle(id);
    for (const one of await sequence.between(this.#anchor, id)) this.ids.add(one);
  }

  /** Selects all of these, or none of them if all were selected. */
  toggleAll(ids: readonly string[]): void {
    const all = ids.every((id) => this.ids.has(id));
    for (const id of ids) {
      if (all) this.ids.delete(id);
      else this.ids.add(id);
    }
  }

  clear(): void {
    this.ids.clear();
    this.#anchor = undefined;
  }
}

export const selection = new Selection();
