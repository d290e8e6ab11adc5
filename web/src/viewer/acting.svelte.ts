// What a person does to the photo in the viewer. Each act is bound to the id it was asked for, whatever is shown when the
// server answers; what is asked twice is done once.
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import * as actions from '../lib/actions';
import { api } from '../lib/api';
import { t } from '../lib/i18n/i18n.svelte';
import { notices } from '../lib/notices.svelte';
import type { Looking } from './looking.svelte';

interface Doors {
  /** Lists have to be fetched anew. */
  changed(): void;
  close(): void;
}

export class Acting {
  #looking: Looking;
  #doors: Doors;
  /** Favourites as they are to be, until the server has said so. */
  #wanted = new SvelteMap<string, boolean>();
  #saying = new Set<string>();
  #leaving = new SvelteSet<string>();
  #over = false;

  constructor(looking: Looking, doors: Doors) {
    this.#looking = looking;
    this.#doors = doors;
    $effect(() => () => void (this.#over = true));
  }

  /** Whether the shown one is a favourite, or is about to be. */
  get favourite(): boolean {
    return this.#wanted.get(this.#looking.id) ?? this.#looking.entry?.favourite ?? false;
  }

  /** The photo that may be acted upon: none while it is gone, going, or has only just come by itself. */
  get target(): string | undefined {
    const { id, entry, gone, unseen } = this.#looking;
    return entry && !gone && !unseen && !this.#leaving.has(id) ? id : undefined;
  }

  toggleFavourite(): void {
    const id = this.target;
    if (id === undefined) return;
    const before = this.favourite;
    this.#wanted.set(id, !before);
    if (!this.#saying.has(id)) void this.#sayFavourite(id, before);
  }

  /** Says what was wanted last; presses meanwhile are not each sent. */
  async #sayFavourite(id: string, before: boolean): Promise<void> {
    this.#saying.add(id);
    let said = before;
    for (let wanted = this.#wanted.get(id); wanted !== undefined && wanted !== said; wanted = this.#wanted.get(id)) {
      await actions.setFavourite([id], wanted);
      said = wanted;
    }
    this.#saying.delete(id);
    this.#doors.changed();
    await this.#looking.refresh(id);
    if (!this.#saying.has(id)) this.#wanted.delete(id);
  }

  moveToTrash(): void {
    const id = this.target;
    if (id !== undefined) void this.#leave(id, () => actions.moveToTrash([id], () => this.#comeBack(id)));
  }

  restore(): void {
    const id = this.target;
    if (id !== undefined) void this.#leave(id, () => actions.restore([id]));
  }

  /** The person has been asked about this very one. */
  deleteForever(id: string): void {
    void this.#leave(id, () => actions.deleteForever([id]));
  }

  removeFromAlbum(album: string): void {
    const id = this.target;
    if (id !== undefined) void this.#leave(id, () => actions.removeFromAlbum(album, [id]));
  }

  async setCover(album: string): Promise<void> {
    const id = this.target;
    if (id === undefined) return;
    try {
      await api.albumCover(album, id);
      notices.say(t('album.coverSet'));
    } catch (error) {
      notices.fail(error);
    }
  }

  /** Does what takes a photo out of this order, and goes on once it is out; what fails stays. */
  async #leave(id: string, work: () => Promise<boolean>): Promise<void> {
    if (this.#leaving.has(id)) return;
    this.#leaving.add(id);
    const done = await work();
    this.#leaving.delete(id);
    if (this.#over) return this.#doors.changed();
    if (!done) return void this.#looking.refresh(id);
    const shown = this.#looking.id === id;
    if (shown && !this.#looking.goOn()) this.#doors.close();
    this.#looking.without.add(id);
    this.#doors.changed();
  }

  /** The trash gave it back: the person who asked for it sees it again. */
  #comeBack(id: string): void {
    this.#doors.changed();
    if (!this.#over) this.#looking.comeBack(id);
  }
}
