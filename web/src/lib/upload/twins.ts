// Files of the same content: the first of them is sent and stands for all, and the others learn what became of it.
import type { UploadItem } from './item.svelte';

interface First {
  item: UploadItem;
  /** Resolves when it is over, one way or the other. */
  over: Promise<void>;
}

export class Twins {
  /** By hash. */
  #firsts = new Map<string, First>();
  /** Resolves their promises. */
  #ends = new Map<UploadItem, () => void>();

  /** The other file that stands for this one's content, unless nothing came of it. */
  firstOf(item: UploadItem): First | undefined {
    const first = this.#firsts.get(item.sha256 ?? '');
    return first?.item === item ? undefined : first;
  }

  /** From now on this file stands for its content. */
  lead(item: UploadItem): void {
    const over = new Promise<void>((resolve) => this.#ends.set(item, resolve));
    this.#firsts.set(item.sha256 ?? '', { item, over });
  }

  ended(item: UploadItem): void {
    this.#ends.get(item)?.();
    this.#ends.delete(item);
    const hash = item.sha256 ?? '';
    if (item.asset === undefined && this.#firsts.get(hash)?.item === item) this.#firsts.delete(hash);
  }

  clear(): void {
    this.#firsts.clear();
  }
}
