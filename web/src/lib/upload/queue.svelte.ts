// The files on their way. Hashing runs a little ahead of sending; two files are sent at a time; identical files are sent
// once. It outlives the pages, so that one can look around while it works.
import { Meter } from './meter';
import { again, transfer, type World } from './transfer';

export type Status = 'waiting' | 'hashing' | 'hashed' | 'sending' | 'done' | 'duplicate' | 'failed' | 'cancelled';

const FILES_AT_ONCE = 2;
const HASHED_AHEAD = 4;
const OVER: ReadonlySet<Status> = new Set(['done', 'duplicate', 'failed', 'cancelled']);

export class UploadItem {
  readonly file: File;
  status = $state<Status>('waiting');
  /** Bytes that have been read for the hash. */
  read = $state(0);
  /** Bytes that have gone. */
  sent = $state(0);
  error = $state.raw<unknown>(undefined);
  asset = $state<string | undefined>(undefined);
  sha256: string | undefined;
  abort = new AbortController();

  constructor(file: File) {
    this.file = file;
  }

  get over(): boolean {
    return OVER.has(this.status);
  }
}

export interface QueueEvents {
  /** A file has become an asset, or the last one is over. */
  progressed(): void;
}

export class UploadQueue {
  items = $state.raw<UploadItem[]>([]);
  counts = $state<Record<Status, number>>(noCounts());
  /** Bytes of all files, and of those that are over or have gone. */
  bytes = $state(0);
  bytesDone = $state(0);
  rate = $state<number | undefined>(undefined);

  active = $derived(this.counts.waiting + this.counts.hashing + this.counts.hashed + this.counts.sending > 0);
  over = $derived(this.counts.done + this.counts.duplicate + this.counts.failed + this.counts.cancelled);
  secondsLeft = $derived(this.active && this.rate ? (this.bytes - this.bytesDone) / this.rate : undefined);

  #account: string | undefined;
  #world: World;
  #events: QueueEvents;
  #now: () => number;
  #waiting: UploadItem[] = [];
  #hashed: UploadItem[] = [];
  /** By hash: the first file of that content, and what becomes of it. */
  #first = new Map<string, { item: UploadItem; over: Promise<void> }>();
  #hashing = 0;
  #sending = 0;
  #meter = new Meter();
  #gone = 0;

  constructor(world: World, events: QueueEvents, now: () => number = () => performance.now()) {
    this.#world = world;
    this.#events = events;
    this.#now = now;
  }

  /** What is under way belongs to one account: another one's sign-in ends it. */
  belongTo(account: string): void {
    if (this.#account !== undefined && this.#account !== account) {
      this.cancelAll();
      this.clear();
    }
    this.#account = account;
  }

  add(files: readonly File[]): void {
    if (files.length === 0) return;
    if (!this.active) this.clear();
    const added = files.map((file) => new UploadItem(file));
    this.items = [...this.items, ...added];
    this.counts.waiting += added.length;
    this.bytes += added.reduce((total, item) => total + item.file.size, 0);
    this.#waiting.push(...added);
    this.#pump();
  }

  cancel(item: UploadItem): void {
    if (item.over) return;
    item.abort.abort();
    this.#waiting = this.#waiting.filter((one) => one !== item);
    this.#hashed = this.#hashed.filter((one) => one !== item);
    this.#move(item, 'cancelled');
    this.#pump();
  }

  cancelAll(): void {
    const left = this.items.filter((item) => !item.over);
    this.#waiting = [];
    this.#hashed = [];
    for (const item of left) this.cancel(item);
  }

  retry(item: UploadItem): void {
    if (item.status !== 'failed' && item.status !== 'cancelled') return;
    item.abort = new AbortController();
    item.error = undefined;
    this.bytesDone -= item.file.size;
    this.#setSent(item, 0);
    this.#move(item, 'waiting');
    this.#waiting.push(item);
    this.#pump();
  }

  retryFailed(): void {
    for (const item of this.items) if (item.status === 'failed') this.retry(item);
  }

  /** Forgets what is over. */
  clear(): void {
    if (this.active) return;
    this.items = [];
    this.counts = noCounts();
    this.bytes = 0;
    this.bytesDone = 0;
    this.rate = undefined;
    this.#first.clear();
    this.#meter.clear();
    this.#gone = 0;
  }

  #pump(): void {
    while (this.#hashing < 1 && this.#hashed.length < HASHED_AHEAD) {
      const item = this.#waiting.shift();
      if (!item) break;
      this.#hashing++;
      void this.#hash(item).finally(() => (this.#hashing--, this.#pump()));
    }
    while (this.#sending < FILES_AT_ONCE) {
      const item = this.#hashed.shift();
      if (!item) break;
      this.#sending++;
      void this.#send(item).finally(() => (this.#sending--, this.#pump()));
    }
  }

  async #hash(item: UploadItem): Promise<void> {
    const { signal } = item.abort;
    this.#move(item, 'hashing');
    try {
      item.sha256 ??= await again(this.#world, signal, () =>
        this.#world.hash(item.file, (read) => (item.read = read), signal),
      );
      if (signal.aborted) return;
      this.#move(item, 'hashed');
      this.#afterHash(item, item.sha256);
    } catch (error) {
      this.#fail(item, error, signal);
    }
  }

  /** A second file of the same content waits for the first, and is sent itself only if that fails. */
  #afterHash(item: UploadItem, sha256: string): void {
    const first = this.#first.get(sha256);
    if (!first || first.item === item || first.item.status === 'failed' || first.item.status === 'cancelled') {
      this.#hashed.push(item);
      return;
    }
    void first.over.then(() => {
      if (item.over) return;
      if (first.item.asset) this.#finish(item, first.item.asset, true);
      else this.#hashed.push(item);
      this.#pump();
    });
  }

  async #send(item: UploadItem): Promise<void> {
    const { signal } = item.abort;
    const sha256 = item.sha256 ?? '';
    const twin = this.#first.get(sha256);
    if (twin && twin.item !== item && !twin.item.over) return this.#afterHash(item, sha256);
    let over: () => void = () => undefined;
    this.#first.set(sha256, { item, over: new Promise((resolve) => (over = resolve)) });
    this.#move(item, 'sending');
    try {
      const sent = await transfer(item.file, sha256, this.#world, (bytes) => this.#setSent(item, bytes), signal);
      if (!signal.aborted) this.#finish(item, sent.asset, sent.duplicate);
    } catch (error) {
      this.#fail(item, error, signal);
    } finally {
      over();
    }
  }

  #finish(item: UploadItem, asset: string, duplicate: boolean): void {
    item.asset = asset;
    this.#move(item, duplicate ? 'duplicate' : 'done');
  }

  #fail(item: UploadItem, error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    item.error = error;
    this.#move(item, 'failed');
  }

  #move(item: UploadItem, status: Status): void {
    const wasOver = item.over;
    this.counts[item.status]--;
    this.counts[status]++;
    item.status = status;
    if (!item.over || wasOver) return;
    this.bytesDone += item.file.size - item.sent;
    if (status === 'done' || !this.active) this.#events.progressed();
  }

  #setSent(item: UploadItem, bytes: number): void {
    if (item.status !== 'sending' && bytes !== 0) return;
    const more = bytes - item.sent;
    item.sent = bytes;
    if (item.status !== 'sending') return;
    this.bytesDone += more;
    this.#gone += Math.max(0, more);
    this.#meter.note(this.#gone, this.#now());
    this.rate = this.#meter.rate(this.#now());
  }
}

function noCounts(): Record<Status, number> {
  return { waiting: 0, hashing: 0, hashed: 0, sending: 0, done: 0, duplicate: 0, failed: 0, cancelled: 0 };
}
