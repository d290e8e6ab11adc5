// The account's albums, and one album's content. Both fetch again when the server hints at a change.
import { api } from '../api';
import type { Album } from '../api/types';
import { entriesOf, type Entry, type Sequence } from '../timeline/entries';

const PAGE = 1000;
/** The API takes so many assets in one request. */
const BATCH = 1000;

class Albums {
  list = $state.raw<Album[]>([]);
  opened = $state(false);

  async load(): Promise<void> {
    const found: Album[] = [];
    let cursor: string | undefined;
    do {
      const page = await api.albums({ limit: PAGE, ...(cursor ? { cursor } : {}) });
      found.push(...page.albums);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
    this.list = found;
    this.opened = true;
  }

  clear(): void {
    this.list = [];
    this.opened = false;
  }
}

export const albums = new Albums();

export class AlbumContent implements Sequence {
  readonly id: string;
  album = $state.raw<Album | undefined>(undefined);
  entries = $state.raw<Entry[]>([]);
  opened = $state(false);

  constructor(id: string) {
    this.id = id;
  }

  async load(): Promise<void> {
    this.album = await api.album(this.id);
    const found: Entry[] = [];
    let cursor: string | undefined;
    do {
      const columns = await api.albumAssets(this.id, { limit: PAGE, ...(cursor ? { cursor } : {}) });
      found.push(...entriesOf(columns));
      cursor = columns.next ?? undefined;
    } while (cursor !== undefined);
    this.entries = found;
    this.opened = true;
  }

  async rename(title: string): Promise<void> {
    this.album = await api.albumRename(this.id, title);
  }

  find(id: string): Entry | undefined {
    return this.entries.find((entry) => entry.id === id);
  }

  async neighbour(id: string, step: 1 | -1): Promise<Entry | undefined> {
    const index = this.entries.findIndex((entry) => entry.id === id);
    return index < 0 ? undefined : this.entries[index + step];
  }

  async loadAround(): Promise<void> {
    if (!this.opened) await this.load();
  }

  async between(first: string, last: string): Promise<string[]> {
    const ids = this.entries.map((entry) => entry.id);
    const ends = [ids.indexOf(first), ids.indexOf(last)];
    return ids.slice(Math.min(...ends), Math.max(...ends) + 1);
  }
}

/** What became of several assets that were put into an album or taken out of it. */
export interface Outcome {
  done: number;
  unchanged: number;
  missing: number;
}

export function albumAdd(album: string, assets: string[]): Promise<Outcome> {
  return inBatches(assets, (batch) => api.albumAdd(album, batch));
}

export function albumRemove(album: string, assets: string[]): Promise<Outcome> {
  return inBatches(assets, (batch) => api.albumRemove(album, batch));
}

async function inBatches(
  assets: string[],
  send: (batch: string[]) => ReturnType<typeof api.albumAdd>,
): Promise<Outcome> {
  const outcome: Outcome = { done: 0, unchanged: 0, missing: 0 };
  for (let start = 0; start < assets.length; start += BATCH) {
    const { results } = await send(assets.slice(start, start + BATCH));
    for (const result of results) {
      if (result.outcome === 'done') outcome.done++;
      else if (result.outcome === 'unchanged') outcome.unchanged++;
      else outcome.missing++;
    }
  }
  return outcome;
}
