// The queue in figures: how many files are how far, how many bytes have gone and how fast, and the files one wants to see by
// themselves. Kept up with each change, so that it costs the same however long the queue is.
import { SvelteSet } from 'svelte/reactivity';
import type { Status, UploadItem } from './item.svelte';
import { Meter } from './meter';

export type View = 'failed' | 'duplicate' | 'skipped';

export class Tally {
  counts = $state<Record<Status, number>>(noCounts());
  /** Bytes of all files, and of those that are over or have gone. */
  bytes = $state(0);
  bytesDone = $state(0);
  /** Files that the system had put beside them, and that are not sent. */
  system = $state(0);
  rate = $state<number | undefined>(undefined);
  readonly views: Record<View, SvelteSet<UploadItem>> = {
    failed: new SvelteSet(),
    duplicate: new SvelteSet(),
    skipped: new SvelteSet(),
  };

  active = $derived(this.counts.waiting + this.counts.hashing + this.counts.hashed + this.counts.sending > 0);
  over = $derived(
    this.counts.done + this.counts.duplicate + this.counts.skipped + this.counts.failed + this.counts.cancelled,
  );
  secondsLeft = $derived(this.active && this.rate ? (this.bytes - this.bytesDone) / this.rate : undefined);

  #now: () => number;
  #meter = new Meter();
  #gone = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(items: readonly UploadItem[]): void {
    this.counts.waiting += items.length;
    this.bytes += items.reduce((total, item) => total + item.file.size, 0);
  }

  /** Notes where a file has come to. True when it is over only now. */
  move(item: UploadItem, status: Status): boolean {
    const before = item.status;
    const wasOver = item.over;
    this.counts[before]--;
    this.counts[status]++;
    item.status = status;
    if (isView(before)) this.views[before].delete(item);
    if (isView(status)) this.views[status].add(item);
    if (!wasOver && item.over) this.bytesDone += item.file.size - item.sent;
    if (!item.over && (wasOver || before === 'sending')) {
      this.bytesDone -= wasOver ? item.file.size : item.sent;
      item.sent = 0;
    }
    return !wasOver && item.over;
  }

  setSent(item: UploadItem, bytes: number): void {
    if (item.status !== 'sending') return;
    const more = bytes - item.sent;
    item.sent = bytes;
    this.bytesDone += more;
    this.#gone += Math.max(0, more);
    this.#meter.note(this.#gone, this.#now());
    this.rate = this.#meter.rate(this.#now());
  }

  /** Looks at the rate anew: while nothing goes it falls. */
  look(): void {
    if (this.rate !== undefined) this.rate = this.#meter.rate(this.#now());
  }

  /** Nothing goes for now, and what went before says nothing of what will. */
  rest(): void {
    this.#meter.clear();
    this.rate = undefined;
  }

  clear(): void {
    this.counts = noCounts();
    this.bytes = 0;
    this.bytesDone = 0;
    this.system = 0;
    this.#gone = 0;
    for (const view of Object.values(this.views)) view.clear();
    this.rest();
  }
}

const isView = (status: Status): status is View => status === 'failed' || status === 'duplicate' || status === 'skipped';

function noCounts(): Record<Status, number> {
  return { waiting: 0, hashing: 0, hashed: 0, sending: 0, done: 0, duplicate: 0, skipped: 0, failed: 0, cancelled: 0 };
}
