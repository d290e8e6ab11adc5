// A search under way. The server looks at a bounded stretch of the library for each answer, so this asks again and again:
// until there is enough to see, and further as one scrolls. Hints of changes ask for the changed days alone.
import { albums } from '../albums/albums.svelte';
import { api } from '../api';
import type { TimelineDay } from '../api/types';
import { cutIntoStretches } from '../layout/stretches';
import type { Content } from '../lists/list.svelte';
import { entriesOf, type Entry, type Viewed, type Work } from '../timeline/entries';
import type { TimelineSource } from '../timeline/model';
import { Found } from './found';
import { albumNamed, paramsOf, type SearchParams } from './params';
import { isEmpty, type Search } from './query';

const PAGE = 500;
/** So many found beyond what is seen are enough for now. */
const AHEAD = 500;
const COALESCE_MS = 400;
/** With more days than this to ask for one by one, the search is made anew. */
const MOST_STALE = 20;

/** The search names an album that there is none of. */
export class NoSuchAlbum extends Error {
  readonly title: string;

  constructor(title: string) {
    super(title);
    this.title = title;
  }
}

export class SearchResults implements Content, TimelineSource {
  days = $state.raw<TimelineDay[]>([]);
  total = $state(0);
  /** Everything newer than this day has been looked at; nothing yet at the beginning. */
  searchedTo = $state<string>();
  /** Everything has been looked at. */
  complete = $state(false);
  searching = $state(false);
  error = $state.raw<unknown>();
  /** Grows whenever what is found changed. */
  revision = $state(0);
  stretches = $derived(cutIntoStretches(this.days));

  readonly #search: Search;
  #params: SearchParams | undefined;
  #found = new Found();
  #cursor: string | undefined;
  /** How many are to be found now; 0 when nobody waits for more. */
  #wanted = 0;
  #stale = new Set<string>();
  #everythingStale = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Requests are made one after the other. */
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  readonly #stop = new AbortController();

  constructor(search: Search) {
    this.#search = search;
  }

  /** Nobody looks at it any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }

  entriesOn(day: string): readonly Entry[] | undefined {
    return this.#found.on(day);
  }

  find(id: string): Entry | undefined {
    return this.#found.find(id);
  }

  /** Begins, or makes sure that what it shows is so. Nothing is searched for by nothing. */
  async load(): Promise<void> {
    if (isEmpty(this.#search)) return;
    if (this.error !== undefined) await this.retry();
    else if (this.revision === 0) await this.searchOn();
    else this.changedSomewhere();
  }

  /** The end of what is found is in sight. */
  searchOn(): Promise<void> {
    const underWay = this.#wanted > 0;
    if (this.error !== undefined || this.complete) return Promise.resolve();
    this.#wanted = Math.max(this.#wanted, this.total + AHEAD);
    if (underWay) return this.#last;
    return this.#until(() => this.total >= this.#wanted).then(() => void (this.#wanted = 0));
  }

  /** After an error, from where it was. */
  retry(): Promise<void> {
    this.error = undefined;
    if (this.#everythingStale) this.#later();
    return this.searchOn();
  }

  async neighbour(id: string, step: 1 | -1): Promise<Entry | undefined> {
    const beside = this.#found.beside(id, step);
    if (beside || step === -1 || this.find(id) === undefined) return beside;
    await this.#until(() => this.#found.beside(id, step) !== undefined);
    return this.#found.beside(id, step);
  }

  async loadAround(asset: Viewed): Promise<void> {
    const day = asset.captured.local.slice(0, 10);
    await this.#until(() => this.find(asset.id) !== undefined || (this.searchedTo !== undefined && this.searchedTo < day));
  }

  async between(first: string, last: string): Promise<string[]> {
    return this.#found.between(first, last);
  }

  async all(work: Work, day?: string): Promise<string[]> {
    if (day !== undefined) return this.#found.on(day)?.map(({ id }) => id) ?? [];
    await this.#until(() => {
      // How many there will be, nobody knows before the end.
      work.progress(this.total, this.total);
      return work.signal.aborted;
    });
    work.signal.throwIfAborted();
    if (this.error !== undefined) throw this.error;
    return this.days.flatMap((one) => this.#found.on(one.day)?.map(({ id }) => id) ?? []);
  }

  async end(side: 1 | -1, day?: string): Promise<Entry | undefined> {
    const entries = this.#found.on(day ?? (side === 1 ? this.days[0] : this.days.at(-1))?.day ?? '');
    return side === 1 ? entries?.[0] : entries?.at(-1);
  }

  /** What is found changes in one go. */
  touchOf(): number {
    return this.revision;
  }

  /** The server hinted that a day changed. */
  changed(day: string): void {
    const { from = '', to = '9999-12-31' } = this.#search;
    if (day < from || day > to) return;
    this.#stale.add(day);
    this.#later();
  }

  /** The server hinted that anything may have changed. */
  changedSomewhere(): void {
    this.#everythingStale = true;
    // An album may have another title by now.
    this.#params = undefined;
    this.#later();
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#afterwards(() => this.#refresh());
    }, COALESCE_MS);
  }

  /** Searches on until `enough` says so, or everything has been looked at. */
  #until(enough: () => boolean): Promise<void> {
    return this.#afterwards(async () => {
      while (!this.complete && !enough()) await this.#step();
    });
  }

  /** Does `work` when what was begun before is done; an error is kept for the page to show. */
  #afterwards(work: () => Promise<void>): Promise<void> {
    this.#waiting++;
    this.searching = true;
    this.#last = this.#last.then(async () => {
      try {
        if (!this.#stop.signal.aborted && this.error === undefined) await work();
      } catch (error) {
        if (!this.#stop.signal.aborted) this.error = error;
      }
      this.searching = --this.#waiting > 0;
    });
    return this.#last;
  }

  async #step(): Promise<void> {
    const page = await this.#ask({}, this.#cursor);
    this.#found.append(page.entries);
    this.#reached(page);
    this.#show();
  }

  async #refresh(): Promise<void> {
    // What the search has yet to come to will be found as it is then. An answer under way may be older than the hint.
    const reached = (day: string) => this.complete || (this.searchedTo !== undefined && day >= this.searchedTo);
    const days = [...this.#stale].filter(reached);
    const everything = this.#everythingStale || days.length > MOST_STALE;
    this.#stale.clear();
    this.#everythingStale = false;
    try {
      if (everything) await this.#anew();
      else for (const day of days) await this.#refetch(day);
    } catch (error) {
      this.#everythingStale = true;
      throw error;
    }
    this.#show();
  }

  async #refetch(day: string): Promise<void> {
    const entries: Entry[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#ask({ from: day, to: day }, cursor);
      entries.push(...page.entries);
      cursor = page.next;
    } while (cursor !== undefined);
    this.#found.replace(day, entries);
  }

  /** Searches once more as far as it had come, and shows the old until then. */
  async #anew(): Promise<void> {
    const [found, total, searchedTo] = [new Found(), this.total, this.searchedTo ?? ''];
    // Within the last day only its photos tell how far it had come.
    const isBefore = ({ searchedTo: day = '' }: Page) => day > searchedTo || (day === searchedTo && found.total < total);
    let page: Page | undefined;
    do {
      page = await this.#ask({}, page?.next);
      found.append(page.entries);
    } while (page.next !== undefined && isBefore(page));
    this.#found = found;
    this.#reached(page);
  }

  #reached(page: Page): void {
    this.#cursor = page.next;
    this.searchedTo = page.searchedTo;
    this.complete = page.next === undefined;
  }

  #show(): void {
    this.days = this.#found.days;
    this.total = this.#found.total;
    this.revision++;
  }

  async #ask(narrower: Pick<SearchParams, 'from' | 'to'>, cursor: string | undefined): Promise<Page> {
    const params = (this.#params ??= await this.#resolve());
    const query = { ...params, ...narrower, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const { assets, searched_to: searchedTo } = await api.search(query, this.#stop.signal);
    return { entries: entriesOf(assets), next: assets.next ?? undefined, searchedTo: searchedTo ?? undefined };
  }

  async #resolve(): Promise<SearchParams> {
    const { album: title } = this.#search;
    if (title === undefined) return paramsOf(this.#search, undefined);
    let album = albumNamed(title, albums.list);
    if (!album) {
      // It may be newer than the list.
      await albums.load();
      album = albumNamed(title, albums.list);
    }
    if (!album) throw new NoSuchAlbum(title);
    return paramsOf(this.#search, album);
  }
}

interface Page {
  entries: Entry[];
  next: string | undefined;
  searchedTo: string | undefined;
}
