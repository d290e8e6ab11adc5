// Where a picture is fetched. Once it is known it stays, though what opens it is given anew: what is shown is not fetched again.
import { untrack } from 'svelte';
import { renditionPath } from '../api';
import type { Entry } from '../timeline/entries';

/** Whether an address carries what opens it; else the session's cookies do. */
export const hasRight = (address: string): boolean => address.includes('?');

/** An address without what opens it: what it leads to is the same. */
export const placeOf = (address: string | null | undefined): string | undefined => address?.split('?')[0];

/** A picture that was refused is asked for so often again. */
const TRIES = 2;

/** What a picture is of; each may change by itself. */
export interface Pictured {
  readonly entry: Entry;
  /** Whose it is unless the entry says otherwise. */
  readonly owner: string;
  /** It is to be fetched. */
  readonly wanted: boolean;
}

export class Address {
  #of: Pictured;
  #rendition: 'thumbnail' | 'preview';
  #kept: { path: string; address: string } | undefined;
  #refused = $state(0);

  /** Nothing while there is no such picture, or while what opens it is asked for. */
  readonly current = $derived.by(() => this.#find());

  /** Made while a component starts, and ends with it. */
  constructor(of: Pictured, rendition: 'thumbnail' | 'preview') {
    this.#of = of;
    this.#rendition = rendition;
    // Most are one's own, and nothing has to be asked for.
    if (!untrack(() => of.entry.rights)) return;
    $effect(() => {
      const { entry, wanted } = this.#of;
      if (!wanted || !entry.rights || entry.version === 0 || this.current !== undefined) return;
      // Whoever asked for the list is told what is wrong with it.
      entry.rights.renew().catch(() => undefined);
    });
  }

  /** It was refused: true when it is asked for once more. */
  failed(): boolean {
    const { rights } = this.#of.entry;
    if (!rights || this.#refused === TRIES) return false;
    rights.end();
    this.#kept = undefined;
    this.#refused++;
    return true;
  }

  #find(): string | undefined {
    const { entry, owner } = this.#of;
    void this.#refused;
    if (entry.version === 0) return undefined;
    const path = renditionPath(entry.owner ?? owner, entry.id, this.#rendition, entry.version);
    if (!entry.rights) return path;
    if (this.#kept?.path === path) return this.#kept.address;
    const query = entry.rights.of(entry.id);
    if (query === undefined) return undefined;
    this.#kept = { path, address: `${path}?${query}` };
    return this.#kept.address;
  }
}
