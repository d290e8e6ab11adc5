// First in, first out, at the same small cost for tens of thousands as for a few: an array's own `shift` moves all the rest.
export class Fifo<T> {
  #items: T[] = [];
  #next = 0;
  #front: T[] = [];

  get length(): number {
    return this.#items.length - this.#next + this.#front.length;
  }

  push(...items: T[]): void {
    for (const item of items) this.#items.push(item);
  }

  /** Puts one before all others. */
  putBack(item: T): void {
    this.#front.push(item);
  }

  shift(): T | undefined {
    if (this.#front.length > 0) return this.#front.pop();
    if (this.#next === this.#items.length) return void this.clear();
    return this.#items[this.#next++];
  }

  clear(): void {
    this.#items = [];
    this.#next = 0;
    this.#front = [];
  }
}
