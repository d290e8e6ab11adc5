// The account's albums, and one album's content. Both fetch again when the server hints at a change.
import { api, isStatus } from '../api';
import { sharingApi } from '../api/sharing';
import type { Album } from '../api/types';
import { AssetList } from '../lists/list.svelte';

const PAGE = 1000;

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

export class AlbumContent extends AssetList {
  readonly id: string;
  album = $state.raw<Album | undefined>(undefined);
  /** It was deleted, here or elsewhere, is shared no more, or never was. */
  gone = $state(false);
  #names = $state.raw<ReadonlyMap<string, string>>(new Map());

  constructor(id: string) {
    super((query) => api.albumAssets(id, query));
    this.id = id;
  }

  protected override async fetchAll(): Promise<void> {
    if (this.closed) return;
    try {
      this.album = await api.album(this.id);
      this.shared = this.album.role !== 'owner' || this.album.members > 0;
      await super.fetchAll();
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
      this.#vanish();
    }
  }

  #vanish(): void {
    this.closed = true;
    this.gone = true;
    this.album = undefined;
    this.show([]);
  }

  /** The first and the last day of its photos; nothing while it has none. */
  get span(): [first: string, last: string] | undefined {
    let [first, last] = ['', ''];
    for (const { day } of this.entries) {
      if (first === '' || day < first) first = day;
      if (day > last) last = day;
    }
    return first === '' ? undefined : [first, last];
  }

  delete(): Promise<void> {
    return this.#end(() => api.albumDelete(this.id));
  }

  /** Its member, whoever is signed in, is one no more. */
  leave(account: string): Promise<void> {
    return this.#end(() => sharingApi.removeMember(this.id, account));
  }

  async #end(ask: () => Promise<void>): Promise<void> {
    this.closed = true;
    try {
      await ask();
    } catch (error) {
      this.closed = false;
      throw error;
    }
  }

  /** Puts one of its photos right before another, or at the end; false when one of them is not there. */
  async move(asset: string, before: string | undefined): Promise<boolean> {
    const { results } = await api.albumOrder(this.id, [asset], before);
    await this.load();
    return results.every(({ outcome }) => outcome === 'done' || outcome === 'unchanged');
  }

  /** What somebody who shares it is called, as far as that is known. */
  nameOf(account: string): string | undefined {
    return account === this.album?.owner ? this.album.owner_name : this.#names.get(account);
  }

  /** Asks who shares it, once for an album. */
  async loadPeople(): Promise<void> {
    if (this.#names.size > 0 || !this.album) return;
    const { members } = await sharingApi.members(this.id);
    this.#names = new Map(members.map(({ account, name, email }) => [account, name || email]));
  }

  async rename(title: string): Promise<void> {
    this.album = await api.albumRename(this.id, title);
  }
}
