// The files on their way. Hashing runs ahead of sending; small files go many together and large ones two at a time; identical
// files are sent once. It outlives the pages, so that one can look around while it works.
import { isQuota } from '../explain';
import { Fifo } from './fifo';
import { UploadItem, type Chosen, type Status } from './item.svelte';
import { reasonToSkip } from './media';
import { SMALL, TOGETHER, sendMany, type ManyWorld } from './many';
import { Tally } from './tally.svelte';
import { again, giveUp, isPaused, PAUSED, transfer } from './transfer';
import { Twins } from './twins';

const SENDERS = 2;
const HASHED_AHEAD = 2 * TOGETHER;
const TAKEN_AT_ONCE = 250;
/** A large file is read alone, from its beginning to its end, as disks like it. */
const SMALL_HASHED_AT_ONCE = 8;

export interface QueueEvents {
  /** A file has become an asset, or the last one is over. */
  progressed(): void;
  /** Something is to be remembered of a file: it came, its hash is known, or it is over. */
  changed(item: UploadItem): void;
  /** A file that failed is not to be tried again. */
  dropped(item: UploadItem): void;
}

export class UploadQueue {
  items = $state.raw<UploadItem[]>([]);
  paused = $state(false);
  readonly tally: Tally;

  #world: ManyWorld;
  #events: QueueEvents;
  #waiting = new Fifo<UploadItem>();
  #hashed = new Fifo<UploadItem>();
  #twins = new Twins();
  #hashing = 0;
  #sending = 0;
  /** Grows when everything is cancelled, also what is still being taken in. */
  #round = 0;
  /** What is under way together, to be stopped together. */
  #batches = new Set<AbortController>();
  /** The smallest file that was refused for want of room, and how: as large ones need not ask. */
  #full: { bytes: number; error: unknown } | undefined;

  constructor(world: ManyWorld, events: QueueEvents, now: () => number = () => performance.now()) {
    this.#world = world;
    this.#events = events;
    this.tally = new Tally(now);
  }

  get active(): boolean {
    return this.tally.active;
  }

  /**
   * Takes files, of which some may be known already: a few hundred at once, so that the page goes on answering. Those that were
   * `paused` before wait to be resumed, unless others are under way.
   */
  async add(files: readonly Chosen[], known: (item: UploadItem, chosen: Chosen) => void = () => undefined, paused = false): Promise<void> {
    if (files.length === 0) return;
    const idle = !this.active;
    if (idle && this.tally.counts.failed === 0) this.clear();
    if (idle && paused) this.pause();
    this.#full = undefined;
    const round = this.#round;
    for (let start = 0; start < files.length && round === this.#round; start += TAKEN_AT_ONCE) {
      if (start > 0) await breathe();
      this.#take(files.slice(start, start + TAKEN_AT_ONCE), known);
    }
  }

  #take(files: readonly Chosen[], known: (item: UploadItem, chosen: Chosen) => void): void {
    const added = files.map((chosen) => {
      const item = new UploadItem(chosen);
      known(item, chosen);
      return item;
    });
    this.items = [...this.items, ...added];
    this.tally.add(added);
    for (const item of added) this.#admit(item);
    this.#pump();
  }

  cancel(item: UploadItem): void {
    if (item.over) return;
    item.abort.abort();
    // Begun, and paused since: nothing is under way that would give it back.
    if (item.status !== 'sending') giveUp(item, this.#world);
    this.#move(item, 'cancelled');
    this.#pump();
  }

  cancelAll(): void {
    this.#round++;
    this.#waiting.clear();
    this.#hashed.clear();
    for (const item of this.items) if (!item.over) this.cancel(item);
    this.paused = false;
  }

  retry(item: UploadItem): void {
    this.#full = undefined;
    this.#again(item);
    this.#pump();
  }

  retryFailed(): void {
    this.#full = undefined;
    for (const item of [...this.tally.views.failed]) this.#again(item);
    this.#pump();
  }

  /** Stops for now; what has arrived of a file stays where it is. */
  pause(): void {
    this.paused = true;
    for (const batch of this.#batches) batch.abort(PAUSED);
    this.tally.rest();
  }

  resume(): void {
    this.paused = false;
    this.#pump();
  }

  /** Forgets what is over. */
  clear(): void {
    if (this.active) return;
    for (const item of this.tally.views.failed) this.#events.dropped(item);
    this.items = [];
    this.paused = false;
    this.#twins.clear();
    this.tally.clear();
  }

  #admit(item: UploadItem): void {
    item.skipped = reasonToSkip(item.file);
    if (item.skipped) return this.#move(item, 'skipped');
    this.#events.changed(item);
    this.#waiting.push(item);
  }

  #again(item: UploadItem): void {
    if (item.status === 'skipped' && item.skipped === 'empty') return;
    if (!item.over || item.status === 'done' || item.status === 'duplicate') return;
    item.abort = new AbortController();
    item.error = undefined;
    this.#move(item, 'waiting');
    this.#waiting.push(item);
  }

  #pump(): void {
    while (!this.paused && this.#hashing < SMALL_HASHED_AT_ONCE && this.#hashed.length < HASHED_AHEAD) {
      const item = this.#waiting.shift();
      if (!item) break;
      if (item.status !== 'waiting') continue;
      if (item.file.size > SMALL && this.#hashing > 0) {
        this.#waiting.putBack(item);
        break;
      }
      this.#hashing++;
      void this.#hash(item).finally(() => (this.#hashing--, this.#pump()));
    }
    while (!this.paused && this.#sending < SENDERS) {
      const items = this.#nextToSend();
      if (items.length === 0) break;
      this.#sending++;
      void this.#send(items).finally(() => (this.#sending--, this.#pump()));
    }
  }

  /** The next large file, or all small ones that stand before it. */
  #nextToSend(): UploadItem[] {
    const items: UploadItem[] = [];
    while (items.length < TOGETHER) {
      const item = this.#hashed.shift();
      if (!item) break;
      if (item.status !== 'hashed' || this.#followsTwin(item) || this.#hasNoRoom(item)) continue;
      const small = item.file.size <= SMALL;
      if (!small && items.length > 0) {
        this.#hashed.putBack(item);
        break;
      }
      items.push(item);
      this.#lead(item);
      if (!small) break;
    }
    return items;
  }

  async #hash(item: UploadItem): Promise<void> {
    const stop = this.#batch();
    const own = item.abort.signal;
    const signal = AbortSignal.any([stop.signal, own]);
    this.#move(item, 'hashing');
    try {
      item.sha256 ??= await again(this.#world, signal, () =>
        this.#world.hash(item.file, (read) => (item.read = read), signal),
      );
      if (own.aborted) return;
      this.#move(item, 'hashed');
      this.#events.changed(item);
      this.#hashed.push(item);
    } catch (error) {
      if (own.aborted) return;
      if (isPaused(stop.signal)) this.#putBack(item);
      else this.#fail(item, error);
    } finally {
      this.#batches.delete(stop);
    }
  }

  /** A second file of the same content waits for the first, and is sent itself only if that fails. */
  #followsTwin(item: UploadItem): boolean {
    const first = this.#twins.firstOf(item);
    if (!first) return false;
    void first.over.then(() => {
      if (item.over) return;
      if (first.item.asset) this.#finish(item, first.item.asset, true);
      else this.#hashed.push(item);
      this.#pump();
    });
    return true;
  }

  /** From now on this file stands for its content. */
  #lead(item: UploadItem): void {
    this.#twins.lead(item);
    this.#move(item, 'sending');
  }

  async #send(items: readonly UploadItem[]): Promise<void> {
    const stop = this.#batch();
    try {
      const left = items.length > 1 ? await this.#sendTogether(items, stop.signal) : items;
      for (const item of left) await this.#sendAlone(item, stop.signal);
    } finally {
      this.#batches.delete(stop);
      // Each before those that were put back already, so that they stand as they stood.
      for (const item of [...items].reverse()) {
        if (item.status === 'sending') this.#putBack(item);
        this.#twins.ended(item);
      }
    }
  }

  /** Sends small files; gives those that are to be sent alone. */
  async #sendTogether(items: readonly UploadItem[], signal: AbortSignal): Promise<UploadItem[]> {
    try {
      const became = await sendMany(items, this.#world, (item, bytes) => this.tally.setSent(item, bytes), signal);
      for (const [item, { asset, duplicate }] of became) if (!item.over) this.#finish(item, asset, duplicate);
    } catch {
      // Each by itself finds out what is the matter.
    }
    return items.filter((item) => item.status === 'sending');
  }

  async #sendAlone(item: UploadItem, stop: AbortSignal): Promise<void> {
    if (stop.aborted || item.over || this.#hasNoRoom(item)) return;
    const own = item.abort.signal;
    const signal = AbortSignal.any([own, stop]);
    const sent = (bytes: number) => this.tally.setSent(item, bytes);
    try {
      const { asset, duplicate } = await transfer(item, this.#world, sent, signal);
      if (!item.over) this.#finish(item, asset, duplicate);
    } catch (error) {
      if (!own.aborted && !isPaused(stop)) this.#fail(item, error);
    }
  }

  /** Whether a file no larger than this one was refused for want of room; then this one is, too. */
  #hasNoRoom(item: UploadItem): boolean {
    if (!this.#full || item.file.size < this.#full.bytes) return false;
    this.#fail(item, this.#full.error);
    return true;
  }

  #finish(item: UploadItem, asset: string, duplicate: boolean): void {
    item.asset = asset;
    this.#move(item, duplicate ? 'duplicate' : 'done');
  }

  #fail(item: UploadItem, error: unknown): void {
    if (item.over) return;
    if (isQuota(error) && item.file.size < (this.#full?.bytes ?? Infinity)) this.#full = { bytes: item.file.size, error };
    item.error = error;
    this.#move(item, 'failed');
  }

  /** To where it stood before it was begun. */
  #putBack(item: UploadItem): void {
    const hashed = item.sha256 !== undefined;
    item.read = hashed ? item.read : 0;
    this.#move(item, hashed ? 'hashed' : 'waiting');
    (hashed ? this.#hashed : this.#waiting).putBack(item);
  }

  #batch(): AbortController {
    const batch = new AbortController();
    this.#batches.add(batch);
    return batch;
  }

  #move(item: UploadItem, status: Status): void {
    if (!this.tally.move(item, status)) return;
    this.#events.changed(item);
    if (status === 'done' || !this.active) this.#events.progressed();
  }
}

/** Lets the page draw and answer. */
const breathe = () => new Promise((resolve) => setTimeout(resolve, 0));
