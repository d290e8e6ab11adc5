// A set of ids that a page follows, and that takes a million of them at once: one signal for the whole, where Svelte's own set
// keeps one for each.
export class IdSet implements Iterable<string> {
  #ids = new Set<string>();
  #changes = $state(0);

  get size(): number {
    void this.#changes;
    return this.#ids.size;
  }

  has(id: string): boolean {
    void this.#changes;
    return this.#ids.has(id);
  }

  [Symbol.iterator](): Iterator<string> {
    void this.#changes;
    return this.#ids.values();
  }

  add(id: string): void {
    this.#ids.add(id);
    this.#changes++;
  }

  addAll(ids: Iterable<string>): void {
    for (const id of ids) this.#ids.add(id);
    this.#changes++;
  }

  delete(id: string): boolean {
    const was = this.#ids.delete(id);
    if (was) this.#changes++;
    return was;
  }

  clear(): void {
    this.#ids = new Set();
    this.#changes++;
  }

  /** What it holds from now on. */
  replace(ids: Set<string>): void {
    this.#ids = ids;
    this.#changes++;
  }
}
