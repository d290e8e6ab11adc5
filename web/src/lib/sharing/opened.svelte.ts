// A share link as whoever was given it sees it: opened by its token, and its password if it has one. What that gave is good for
// hours; when it has ended, the link is opened once more by what is known already. Nothing of it is kept beyond the page.
import { ConnectionLost, isProblem } from '../api';
import { visitingApi } from '../api/sharing';
import type { SharedAsset, ShareOpened } from '../api/types';
import { connection } from '../connection.svelte';
import { AssetList, type FetchPage } from '../lists/list.svelte';
import type { Viewed } from '../timeline/entries';

/** `over`: it was revoked, its time has come, or it never was. */
export type Phase = 'opening' | 'password' | 'over' | 'failed' | 'open';

export class OpenedLink {
  phase = $state<Phase>('opening');
  opened = $state.raw<ShareOpened>();
  /** Why it could not be opened, or the password was refused. */
  error = $state.raw<unknown>();
  list = $state.raw<AssetList>();
  #token: string;
  #password: string | undefined;
  #opening: Promise<void> | undefined;

  constructor(token: string) {
    this.#token = token;
    if (token === '') this.phase = 'over';
  }

  /** Opens it; waits while the server cannot be reached. */
  async open(): Promise<void> {
    this.error = undefined;
    try {
      await this.#open();
      await this.list?.load();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Opens it by a password; what is wrong with that is thrown. */
  async enter(password: string): Promise<void> {
    this.#password = password;
    try {
      await this.#open();
    } catch (error) {
      this.#password = undefined;
      if (isProblem(error, 'link-over')) this.phase = 'over';
      throw error;
    }
    await this.list?.load().catch((error: unknown) => this.#failed(error));
  }

  /** The details of one of its assets. */
  async asset(id: string, signal: AbortSignal): Promise<Viewed> {
    return viewedOf(await this.#with((right) => visitingApi.asset(right, id, signal)));
  }

  #fetch: FetchPage = (query) => this.#with((right) => visitingApi.assets(right, query));

  /** One opening serves all that wait for it. */
  #open(): Promise<void> {
    this.#opening ??= this.#openOnce().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #openOnce(): Promise<void> {
    this.opened = await this.#ask();
    this.list ??= new AssetList(this.#fetch, this.opened.media_seconds * 1000);
    this.phase = 'open';
  }

  async #ask(): Promise<ShareOpened> {
    for (;;) {
      try {
        return await visitingApi.open(this.#token, this.#password);
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error;
        await connection.reachable();
      }
    }
  }

  /** Asks by the right that opening gave, or by a new one if that has ended. */
  async #with<T>(ask: (right: string) => Promise<T>): Promise<T> {
    try {
      return await ask(this.opened?.access_token ?? '');
    } catch (error) {
      if (!isProblem(error, 'link-over')) throw error;
    }
    try {
      await this.#open();
      return await ask(this.opened?.access_token ?? '');
    } catch (error) {
      this.#closed(error);
      throw error;
    }
  }

  #failed(error: unknown): void {
    if (this.#closed(error)) return;
    this.error = error;
    if (this.phase === 'opening') this.phase = 'failed';
  }

  /** Whether the link itself shows nothing (more), or not without its password. */
  #closed(error: unknown): boolean {
    if (isProblem(error, 'link-over')) this.phase = 'over';
    else if (isProblem(error, 'link-password-needed') || isProblem(error, 'wrong-link-password')) this.phase = 'password';
    else return false;
    return true;
  }
}

/** In the viewer's own terms. Whose it is stands in the addresses of its media alone. */
export function viewedOf(shared: SharedAsset): Viewed {
  const { day, thumbnail, preview, original, ...facts } = shared;
  const address = preview ?? thumbnail ?? original?.url ?? '';
  return {
    ...facts,
    owner: address.split('/')[2] ?? '',
    favourite: false,
    captured: { local: day },
    media: { thumbnail, preview, ...(original ? { original: original.url } : {}) },
    ...(original ? { file_name: original.file_name } : {}),
  };
}
