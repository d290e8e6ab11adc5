// What is to be uploaded, written down in the browser, so that a reload, a closed tab or a crash loses nothing but the files
// themselves: those a page may not open again by itself, and the person is asked for them. Each page's queue has a name of its
// own, held for as long as the page lives, so that no tab takes another's work for abandoned.
import type { JournalKey } from './item.svelte';

export interface FileRecord {
  account: string;
  queue: string;
  number: number;
  path: string;
  name: string;
  bytes: number;
  modified: number;
  /** Once known, so that the file need not be read twice. */
  sha256?: string;
}

const DATABASE = 'picup-uploads';
const STORE = 'files';
/** A transaction of many would hold the page up. */
const WRITTEN_AT_ONCE = 500;

interface Change {
  key: IDBValidKey;
  /** Nothing for one that is to go. */
  record: FileRecord | undefined;
}

/** Without IndexedDB (some private windows) it remembers nothing, and uploads go on all the same. */
export class Journal {
  readonly queue: string;
  #failed: () => void;
  #database: Promise<IDBDatabase | undefined>;
  #changes = new Map<string, Change>();
  #writing: Promise<void> | undefined;

  /** `failed` is called when something could not be written down. */
  constructor(queue: string, failed: () => void) {
    this.queue = queue;
    this.#failed = failed;
    this.#database = open().catch(() => undefined);
  }

  put(record: FileRecord): void {
    this.#note(keyOf(record.account, record), record);
  }

  remove(account: string, key: JournalKey): void {
    this.#note(keyOf(account, key), undefined);
  }

  /** The names of the queues that left something of this account's behind. */
  async queues(account: string): Promise<string[]> {
    const keys = await this.#ask((store) => store.getAllKeys(all(account)));
    return [...new Set((keys ?? []).map((key) => String((key as unknown[])[1])))];
  }

  async recordsOf(account: string, queue: string): Promise<FileRecord[]> {
    return (await this.#ask((store) => store.getAll(all(account, queue)) as IDBRequest<FileRecord[]>)) ?? [];
  }

  /** Forgets everything of an account, in whatever queue. */
  async clear(account: string): Promise<void> {
    this.#changes.clear();
    await this.#writing;
    await this.#ask((store) => store.delete(all(account)), 'readwrite');
  }

  #note(key: [string, string, number], record: FileRecord | undefined): void {
    this.#changes.set(key.join('|'), { key, record });
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
  }

  /** Writes at once what is noted down; what comes meanwhile is written together after that. */
  async #writeAll(): Promise<void> {
    const database = await this.#database;
    while (this.#changes.size > 0) {
      const changes = [...this.#changes].slice(0, WRITTEN_AT_ONCE);
      for (const [name] of changes) this.#changes.delete(name);
      if (!database || !(await write(database, changes.map(([, change]) => change)))) this.#failed();
    }
  }

  async #ask<T>(question: (store: IDBObjectStore) => IDBRequest<T>, mode: IDBTransactionMode = 'readonly'): Promise<T | undefined> {
    const database = await this.#database;
    if (!database) return undefined;
    return await new Promise((resolve) => {
      try {
        const request = question(database.transaction(STORE, mode).objectStore(STORE));
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => resolve(undefined);
      } catch {
        // The browser has closed it, because the site's data was cleared.
        resolve(undefined);
      }
    });
  }
}

const keyOf = (account: string, { queue, number }: JournalKey): [string, string, number] => [account, queue, number];

/** All keys that begin like this: an array sorts after everything else. */
function all(...beginning: string[]): IDBKeyRange {
  return IDBKeyRange.bound(beginning, [...beginning, []]);
}

/** False when it could not: the disk is full, the browser forbids it, or the site's data was cleared. */
function write(database: IDBDatabase, changes: readonly Change[]): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      const transaction = database.transaction(STORE, 'readwrite', { durability: 'relaxed' });
      transaction.oncomplete = () => resolve(true);
      transaction.onabort = () => resolve(false);
      const store = transaction.objectStore(STORE);
      for (const { key, record } of changes) {
        if (record) store.put(record);
        else store.delete(key);
      }
    } catch {
      resolve(false);
    }
  });
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ['account', 'queue', 'number'] });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
