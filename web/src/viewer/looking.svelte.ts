// What the viewer looks at: one asset of an order, its details, and what stands beside it. It keeps the ground under the
// person's feet: what another device takes away while it is shown stays in its place and says so, and what was beside it
// stays reachable.
import { SvelteSet } from 'svelte/reactivity';
import { isStatus } from '../lib/api';
import type { Asset } from '../lib/api/types';
import { hasRight } from '../lib/lists/address.svelte';
import { notices } from '../lib/notices.svelte';
import { entryOfAsset, type Entry, type Sequence, type Viewed } from '../lib/timeline/entries';

/** While one runs through photos, only small pictures are asked for; so long after the last step, the large ones too. */
const SETTLE_MS = 160;
/** A held key goes on no faster: each photo is glimpsed, and browsers allow only so many addresses in a time. */
const REPEAT_MS = 110;
/** A photo that came by itself is seen for so long before anything is done to it. */
const GRACE_MS = 400;
/** What opens the media of others is good for five minutes at least: before that, the details are asked for anew. */
const RENEW_MS = 240_000;

/** Where one looks; each of it may change by itself. */
export interface Source<T extends Viewed = Asset> {
  readonly id: string;
  readonly sequence: Sequence;
  readonly revision: number;
  /** The order is that of the trash. */
  readonly trash: boolean;
  /** The details of an asset. */
  fetch(id: string, signal: AbortSignal): Promise<T>;
}

/** Why there is nothing to see where a photo was. */
export type Gone = 'missing' | 'trashed' | 'restored';

/** What stands beside an asset; of no use once another one is shown. */
interface Beside {
  of: string;
  previous: Entry | undefined;
  next: Entry | undefined;
  /** Known only from where one came: the other side is still being looked for. */
  half?: boolean;
}

/** What a video lets keys do. */
export interface Player {
  toggle(): void;
  mute(): void;
}

export class Looking<T extends Viewed = Asset> {
  /** Ids that were taken out of the order here, before the order itself knows. */
  readonly without = new SvelteSet<string>();
  /** It has been shown for a moment; what is large is worth fetching. */
  settled = $state(true);
  /** It has only just come by itself: whoever presses a key may still mean the one before. */
  unseen = $state(false);
  player: Player | undefined;
  #source: Source<T>;
  #onmove: (id: string) => void;
  #asset = $state.raw<T>();
  #missing = $state<string>();
  #beside = $state.raw<Beside>();
  /** What was beside those that were taken away here. */
  #left = new Map<string, Beside>();
  /** A step that was asked for before it was known where to. */
  #due: { from: string; direction: 1 | -1 } | undefined;
  #steppedAt = -Infinity;
  #grace: ReturnType<typeof setTimeout> | undefined;
  #running: { id: string; again: boolean; abort: AbortController; over: Promise<void> } | undefined;

  readonly id = $derived.by(() => this.#source.id);
  readonly detail = $derived.by(() => (this.#asset?.id === this.id ? this.#asset : undefined));
  readonly gone = $derived.by(() => this.#whyGone());
  readonly entry = $derived.by(() => this.#entry());
  readonly previous = $derived.by(() => (this.#beside?.of === this.id ? this.#beside.previous : undefined));
  readonly next = $derived.by(() => (this.#beside?.of === this.id ? this.#beside.next : undefined));

  /** Made while a component starts, and ends with it. */
  constructor(source: Source<T>, onmove: (id: string) => void) {
    this.#source = source;
    this.#onmove = onmove;
    let first = true;
    $effect(() => {
      void this.id;
      if (first) return void (first = false);
      this.settled = false;
      const timer = setTimeout(() => (this.settled = true), SETTLE_MS);
      return () => clearTimeout(timer);
    });
    $effect(() => {
      void this.#source.revision;
      if (this.settled) void this.refresh(this.id);
    });
    $effect(() => {
      void this.#source.revision;
      void this.detail;
      void this.without.size;
      void this.#findNeighbours(this.id);
    });
    $effect(() => {
      if (!this.detail || !hasRight(this.detail.media.preview ?? this.detail.media.original ?? '')) return;
      const renew = () => document.hidden || void this.refresh(this.id);
      const timer = setInterval(renew, RENEW_MS);
      document.addEventListener('visibilitychange', renew);
      return () => {
        clearInterval(timer);
        document.removeEventListener('visibilitychange', renew);
      };
    });
    $effect(() => {
      void this.#source.sequence;
      // Another order knows nothing of what left this one.
      return () => this.without.clear();
    });
    $effect(() => () => {
      clearTimeout(this.#grace);
      this.#running?.abort.abort();
    });
  }

  /** Goes to what is beside; a held key no faster than one can see. */
  step(direction: 1 | -1, repeated = false): void {
    const to = direction === 1 ? this.next : this.previous;
    const now = performance.now();
    if (repeated && now - this.#steppedAt < REPEAT_MS) return;
    const known = this.#beside?.of === this.id && !this.#beside.half;
    this.#due = to || known || repeated ? undefined : { from: this.id, direction };
    if (!to) return;
    this.#steppedAt = now;
    const [previous, next] = direction === 1 ? [this.entry, undefined] : [undefined, this.entry];
    this.#beside = { of: to.id, previous, next, half: true };
    this.#onmove(to.id);
  }

  /** Goes on from what was just taken away; false when nothing is left. */
  goOn(): boolean {
    const to = this.next ?? this.previous;
    if (!to) return false;
    if (this.#beside) this.#left.set(this.id, this.#beside);
    this.unseen = true;
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => (this.unseen = false), GRACE_MS);
    this.#onmove(to.id);
    return true;
  }

  /** Shows one again that was taken away here, among what was beside it until its order has it back. */
  comeBack(id: string): void {
    this.without.delete(id);
    this.#beside = this.#left.get(id) ?? this.#beside;
    this.#onmove(id);
  }

  /** Fetches the details anew; resolves when they are there. A running fetch is followed by another rather than cut off. */
  refresh(id: string): Promise<void> {
    if (id !== this.id) return Promise.resolve();
    if (this.#running?.id === id) {
      this.#running.again = true;
      return this.#running.over;
    }
    this.#running?.abort.abort();
    const running = { id, again: true, abort: new AbortController(), over: Promise.resolve() };
    this.#running = running;
    running.over = this.#fetch(running).finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    return running.over;
  }

  async #fetch(running: { id: string; again: boolean; abort: AbortController }): Promise<void> {
    const { signal } = running.abort;
    try {
      while (running.again) {
        running.again = false;
        const found = await this.#source.fetch(running.id, signal);
        if (!this.#source.sequence.find(running.id) && !signal.aborted) await this.#source.sequence.loadAround(found);
        if (signal.aborted) return;
        this.#asset = found;
        this.#missing = undefined;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isStatus(error, 404) || isStatus(error, 400)) this.#missing = running.id;
      else notices.fail(error);
    }
  }

  #entry(): Entry | undefined {
    const { sequence, revision } = this.#source;
    void revision;
    const found = sequence.find(this.id);
    if (!this.detail) return found;
    // The details are newer than a list that nobody looks at; the shape stays, so that nothing jumps.
    const { id } = this.detail;
    const newer = entryOfAsset(this.detail, () => this.#ask(id));
    return found ? { ...newer, ratio: found.ratio, placeholder: found.placeholder, rights: found.rights } : newer;
  }

  /** The details of the one that is shown, anew. */
  async #ask(id: string): Promise<T | undefined> {
    await this.refresh(id);
    return this.#asset?.id === id ? this.#asset : undefined;
  }

  #whyGone(): Gone | undefined {
    if (this.#missing === this.id) return 'missing';
    const { trash } = this.#source;
    if (!this.detail || trash === (this.detail.trashed_at != null)) return undefined;
    return trash ? 'restored' : 'trashed';
  }

  async #findNeighbours(id: string): Promise<void> {
    try {
      const [previous, next] = await Promise.all([this.#neighbour(id, -1), this.#neighbour(id, 1)]);
      // Once the order has lost it, what was beside it before is all one knows.
      if (id !== this.id || !this.#source.sequence.find(id)) return;
      this.#beside = { of: id, previous, next };
      if (this.#due?.from === id) this.step(this.#due.direction);
    } catch (error) {
      notices.fail(error);
    }
  }

  async #neighbour(id: string, step: 1 | -1): Promise<Entry | undefined> {
    let at = id;
    for (;;) {
      const found = await this.#source.sequence.neighbour(at, step);
      if (!found || !this.without.has(found.id)) return found;
      at = found.id;
    }
  }
}
