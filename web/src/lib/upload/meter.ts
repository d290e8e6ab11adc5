// How fast bytes go, over the last seconds, so that the time left neither jumps nor lags.
const WINDOW_MS = 8_000;
const LEAST_MS = 1_000;

export class Meter {
  #samples: { at: number; total: number }[] = [];

  /** Notes that `total` bytes have gone by `at` (milliseconds). */
  note(total: number, at: number): void {
    const newest = this.#samples.at(-1);
    if (newest && at - newest.at < 100) newest.total = total;
    else this.#samples.push({ at, total });
    while ((this.#samples[1]?.at ?? Infinity) < at - WINDOW_MS) this.#samples.shift();
  }

  /** Bytes per second; nothing until there is enough to tell. */
  rate(at: number): number | undefined {
    const [first, newest] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !newest || at - first.at < LEAST_MS) return undefined;
    return Math.max(0, ((newest.total - first.total) * 1000) / (at - first.at));
  }

  clear(): void {
    this.#samples = [];
  }
}
