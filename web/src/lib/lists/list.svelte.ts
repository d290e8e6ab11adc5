// A list of assets that the server pages out: an album, the favourites, the trash. Its first page shows as soon as it is
// there; a list that is fetched again takes the old one's place when it is whole.
import type { AssetColumns } from '../api/types';
import { entriesOf, type Entry, type Sequence } from '../timeline/entries';

const PAGE = 1000;

export type FetchPage = (query: { cursor?: string; limit?: number }) => Promise<AssetColumns>;

/** What a gallery page shows, and the viewer walks. */
export interface Content extends Sequence {
  /** Grows when what is known of it has changed. */
  readonly revision: number;
  /** Fetches it, anew if need be. */
  load(): Promise<void>;
}

export class AssetList implements Content {
  entries = $state.raw<readonly Entry[]>([]);
  opened = $state(false);
  /** It goes: nothing of it is fetched any more. */
  protected closed = false;
  revision = $state(0);
  #fetch: FetchPage;
  #index = new Map<string, number>();
  #loads = 0;
  #loading: Promise<void> = Promise.resolve();

  constructor(fetch: FetchPage) {
    this.#fetch = fetch;
  }

  load(): Promise<void> {
    this.#loading = this.#fetchAll();
    return this.#loading;
  }

  async #fetchAll(): Promise<void> {
    if (this.closed) return;
    const load = ++this.#loads;
    const found: Entry[] = [];
    let cursor: string | undefined;
    do {
      const columns = await this.#fetch({ limit: PAGE, ...(cursor ? { cursor } : {}) });
      if (load !== this.#loads || this.closed) return;
      found.push(...entriesOf(columns));
      cursor = columns.next ?? undefined;
      if (!this.opened || cursor === undefined) this.#show([...found]);
    } while (cursor !== undefined);
    this.opened = true;
  }

  find(id: string): Entry | undefined {
    const index = this.#index.get(id);
    return index === undefined ? undefined : this.entries[index];
  }

  async neighbour(id: string, step: 1 | -1): Promise<Entry | undefined> {
    const index = this.#index.get(id);
    return index === undefined ? undefined : this.entries[index + step];
  }

  async loadAround(): Promise<void> {
    if (!this.opened) await this.load();
  }

  async between(first: string, last: string): Promise<string[]> {
    const ends = [this.#index.get(first) ?? -1, this.#index.get(last) ?? -1];
    return this.entries.slice(Math.max(0, Math.min(...ends)), Math.max(...ends) + 1).map((entry) => entry.id);
  }

  async all(): Promise<string[]> {
    // What it cannot fetch has been said to whoever asked for it.
    await this.#loading.catch(() => undefined);
    return this.entries.map((entry) => entry.id);
  }

  async end(side: 1 | -1): Promise<Entry | undefined> {
    return side === 1 ? this.entries[0] : this.entries.at(-1);
  }

  #show(entries: readonly Entry[]): void {
    this.entries = entries;
    this.#index = new Map(entries.map((entry, index) => [entry.id, index]));
    this.revision++;
  }
}
