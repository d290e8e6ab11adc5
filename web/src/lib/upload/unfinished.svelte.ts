// What earlier pages did not finish: files that are known by path, size and time, and wait to be chosen again.
import type { Chosen } from './item.svelte';
import type { FileRecord } from './journal';
import { wasPaused } from './pauses';

export class Unfinished {
  count = $state(0);
  bytes = $state(0);
  /** Some of their names, for the person to see which these are. */
  sample = $state.raw<string[]>([]);
  /** Whether any of them was paused when its page ended. */
  paused = $state(false);
  /** By path and by name alone: a file picked by itself comes without its folder. */
  #byPath = new Map<string, FileRecord>();
  /** The same file, left by another queue as well, by path. */
  #again = new Map<string, FileRecord[]>();
  #byName = new Map<string, FileRecord[]>();

  add(records: readonly FileRecord[]): void {
    for (const record of records) {
      const here = identity(record.path, record.bytes, record.modified);
      if (this.#byPath.has(here)) {
        this.#again.set(here, [...(this.#again.get(here) ?? []), record]);
        continue;
      }
      this.#byPath.set(here, record);
      const same = identity(record.name, record.bytes, record.modified);
      this.#byName.set(same, [...(this.#byName.get(same) ?? []), record]);
    }
    this.#count();
  }

  /** Which of these files were left unfinished. They are so no longer, nor are their `double`s, which another queue left. */
  take(chosen: readonly Chosen[], double: (record: FileRecord) => void = () => undefined): Map<Chosen, FileRecord> {
    const taken = new Map<Chosen, FileRecord>();
    for (const one of chosen) {
      const record = this.#find(one);
      if (!record) continue;
      taken.set(one, record);
      const here = identity(record.path, record.bytes, record.modified);
      this.#byPath.delete(here);
      for (const again of this.#again.get(here) ?? []) double(again);
      this.#again.delete(here);
    }
    this.#count();
    return taken;
  }

  /** Forgets all of them, and says which they were. */
  takeAll(): FileRecord[] {
    const records = [...this.#byPath.values(), ...[...this.#again.values()].flat()];
    this.#byPath.clear();
    this.#byName.clear();
    this.#again.clear();
    this.#count();
    return records;
  }

  #find({ file, path }: Chosen): FileRecord | undefined {
    const here = this.#byPath.get(identity(path, file.size, file.lastModified));
    if (here) return here;
    const sameName = this.#byName.get(identity(file.name, file.size, file.lastModified)) ?? [];
    return sameName.find((record) => this.#byPath.get(identity(record.path, record.bytes, record.modified)) === record);
  }

  #count(): void {
    const records = [...this.#byPath.values()];
    this.count = records.length;
    this.bytes = records.reduce((total, { bytes }) => total + bytes, 0);
    this.paused = [...new Set(records.map(({ queue }) => queue))].some(wasPaused);
    this.sample = records.slice(0, 3).map(({ path }) => path);
  }
}

const identity = (path: string, bytes: number, modified: number): string => `${bytes} ${modified} ${path}`;
