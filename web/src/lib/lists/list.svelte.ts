// A list of assets that the server pages out: an album, the favourites, the trash. Its first page shows as soon as it is
// there; a list that is fetched again takes the old one's place when it is whole.
import type { AssetColumns } from '../api/types';
import { entriesOf, queriesOf, type Entry, type Sequence } from '../timeline/entries';
import { MEDIA_MS, Rights, type Queries } from './rights.svelte';

const PAGE = 1000;
/** What opens the media of others is ten times as much to send, and asked for anew page by page. */
const SHARED_PAGE = 200;

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
  /** Others' assets are among them. */
  protected shared: boolean;
  #fetch: FetchPage;
  #life: number;
  #index = new Map<string, number>();
  #loading: Promise<void> | undefined;
  #again = false;

  /** `life`: for how long what opens others' media is good at least, in milliseconds; with it, all may be of others. */
  constructor(fetch: FetchPage, life?: number) {
    this.#fetch = fetch;
    this.shared = life !== undefined;
    this.#life = life ?? MEDIA_MS;
  }

  /** Fetches it. Asked again meanwhile, it fetches once more after that: hints may come faster than a long list does. */
  load(): Promise<void> {
    if (this.#loading) this.#again = true;
    this.#loading ??= this.#loadAll().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  async #loadAll(): Promise<void> {
    do {
      this.#again = false;
      await this.fetchAll();
    } while (this.#again && !this.closed);
  }

  /** Fetches it once. */
  protected async fetchAll(): Promise<void> {
    if (this.closed) return;
    const found: Entry[] = [];
    let cursor: string | undefined;
    do {
      const [query, asked] = [this.#page(cursor), Date.now()];
      const columns = await this.#fetch(query);
      if (this.closed) return;
      const queries = queriesOf(columns);
      const rights = queries.size === 0 ? undefined : new Rights(queries, asked, () => this.#renew(query, queries), this.#life);
      found.push(...entriesOf(columns, rights));
      cursor = columns.next ?? undefined;
      // A list seen for the first time grows while it comes; each time by its half, so that showing costs no more than fetching.
      if (cursor === undefined || (!this.opened && found.length >= this.entries.length * 1.5)) this.show([...found]);
    } while (cursor !== undefined);
    this.opened = true;
  }

  #page(cursor: string | undefined): { cursor?: string; limit: number } {
    return { limit: this.shared ? SHARED_PAGE : PAGE, ...(cursor ? { cursor } : {}) };
  }

  /** Asks anew for what opens the media of a page. If others stand there by now, the list is not what it was. */
  async #renew(query: { cursor?: string; limit: number }, before: Queries): Promise<Queries> {
    const queries = queriesOf(await this.#fetch(query));
    // It is said to whoever asks for the list.
    if ([...before.keys()].some((id) => !queries.has(id))) this.load().catch(() => undefined);
    return queries;
  }

  /** Where an asset stands; below 0 for one that does not. */
  indexOf(id: string): number {
    return this.#index.get(id) ?? -1;
  }

  find(id: string): Entry | undefined {
    return this.entries[this.indexOf(id)];
  }

  async neighbour(id: string, step: 1 | -1): Promise<Entry | undefined> {
    const index = this.indexOf(id);
    return index < 0 ? undefined : this.entries[index + step];
  }

  async loadAround(): Promise<void> {
    if (!this.opened) await this.load();
  }

  async between(first: string, last: string): Promise<string[]> {
    const ends = [this.indexOf(first), this.indexOf(last)];
    return this.entries.slice(Math.max(0, Math.min(...ends)), Math.max(...ends) + 1).map((entry) => entry.id);
  }

  async all(): Promise<string[]> {
    // What it cannot fetch has been said to whoever asked for it.
    await this.#loading?.catch(() => undefined);
    return this.entries.map((entry) => entry.id);
  }

  async end(side: 1 | -1): Promise<Entry | undefined> {
    return side === 1 ? this.entries[0] : this.entries.at(-1);
  }

  protected show(entries: readonly Entry[]): void {
    this.entries = entries;
    this.#index = new Map(entries.map((entry, index) => [entry.id, index]));
    this.revision++;
  }
}
