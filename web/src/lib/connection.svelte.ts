// Whether the server can be reached. When a request gets no answer, this asks again, less and less often, until one does;
// whoever waits goes on then.
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;

class Connection {
  lost = $state(false);
  #back = new Set<() => void>();
  #onBack = new Set<() => void>();
  #probing: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = FIRST_WAIT_MS;

  constructor() {
    globalThis.addEventListener?.('online', () => {
      if (this.lost) void this.#probe();
    });
  }

  /** A request got no answer. */
  report(): void {
    if (this.lost) return;
    this.lost = true;
    this.#wait = FIRST_WAIT_MS;
    this.#schedule();
  }

  /** Resolves when the server answers; at once if it is not known to be away. */
  reachable(signal?: AbortSignal): Promise<void> {
    if (!this.lost) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#back.add(resolve);
      const giveUp = () => {
        this.#back.delete(resolve);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Calls `work` each time the server has come back, until the returned function is called. */
  whenBack(work: () => void): () => void {
    this.#onBack.add(work);
    return () => this.#onBack.delete(work);
  }

  /** Asks at once, because a person wants to know. */
  async retry(): Promise<void> {
    if (this.lost) await this.#probe();
  }

  #schedule(): void {
    this.#timer = setTimeout(() => void this.#probe(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  #probe(): Promise<void> {
    this.#probing ??= this.#ask().finally(() => (this.#probing = undefined));
    return this.#probing;
  }

  async #ask(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      await fetch('/live', { cache: 'no-store', credentials: 'omit' });
    } catch {
      this.#schedule();
      return;
    }
    this.lost = false;
    for (const resume of this.#back) resume();
    this.#back.clear();
    for (const work of this.#onBack) work();
  }
}

export const connection = new Connection();
