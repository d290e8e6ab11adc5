// One file of the queue, as the page shows it.
import type { SkipReason } from './media';

export type Status = 'waiting' | 'hashing' | 'hashed' | 'sending' | 'done' | 'duplicate' | 'skipped' | 'failed' | 'cancelled';

const OVER: ReadonlySet<Status> = new Set(['done', 'duplicate', 'skipped', 'failed', 'cancelled']);

/** A file that a person chose, and where it was in what they chose: `trip/day 1/a.jpg`. */
export interface Chosen {
  file: File;
  path: string;
}

/** Its place in the journal: the queue that first had it, and its number there. */
export interface JournalKey {
  queue: string;
  number: number;
}

export class UploadItem {
  readonly file: File;
  readonly path: string;
  status = $state<Status>('waiting');
  /** Bytes that have been read for the hash. */
  read = $state(0);
  /** Bytes that have gone. */
  sent = $state(0);
  error = $state.raw<unknown>(undefined);
  asset: string | undefined;
  /** Why it was not sent. */
  skipped: SkipReason | undefined;
  sha256: string | undefined;
  key: JournalKey | undefined;
  /** What the server has begun for it. */
  upload: string | undefined;
  abort = new AbortController();

  constructor({ file, path }: Chosen) {
    this.file = file;
    this.path = path;
  }

  get over(): boolean {
    return OVER.has(this.status);
  }
}
