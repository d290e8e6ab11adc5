// When which stretch is fetched. What is looked at comes first and a few at a time; what was scrolled past before its turn
// came is not asked for, and what is under way for it is given up.
import type { Stretch } from '../layout/stretches';

/** Of a browser's six connections to a host, some are for pictures. */
const AT_ONCE = 2;
/** After a leap it waits so long for the next one: a scrubber under way leaps at every frame. */
const STILL_MS = 90;
const RETRY_MS = 4_000;

interface Fetching {
  abort: AbortController;
  done: Promise<void>;
  /** Somebody waits for it by name, so that it is not given up. */
  held: boolean;
}

export interface LoaderSource {
  /** Whether anything of it is missing or outdated. */
  lacks(stretch: Stretch): boolean;
  load(stretch: Stretch, signal: AbortSignal): Promise<void>;
  failed(error: unknown): void;
}

const keyOf = (stretch: Stretch) => `${stretch.newest} ${stretch.oldest}`;

export class Loader {
  #source: LoaderSource;
  #wanted: readonly Stretch[] = [];
  #running = new Map<string, Fetching>();
  #resting = new Set<string>();
  #leaptAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(source: LoaderSource) {
    this.#source = source;
  }

  /** What can be seen now, the most important first. */
  look(stretches: readonly Stretch[]): void {
    const before = new Set(this.#wanted.map(keyOf));
    const leapt = before.size > 0 && !stretches.some((one) => before.has(keyOf(one)));
    this.#wanted = stretches;
    this.#giveUp();
    const now = performance.now();
    const again = leapt && now - this.#leaptAt < STILL_MS;
    if (leapt) this.#leaptAt = now;
    if (again) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#settle(), STILL_MS);
    } else if (this.#timer === undefined) {
      this.#fetch();
    }
  }

  /** Fetches it now, whatever is looked at. */
  async hold(stretch: Stretch): Promise<void> {
    const running = this.#running.get(keyOf(stretch)) ?? (this.#source.lacks(stretch) ? this.#start(stretch) : undefined);
    if (!running) return;
    running.held = true;
    await running.done;
  }

  /** Gives up everything. */
  clear(): void {
    this.#wanted = [];
    this.#resting.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { abort } of this.#running.values()) abort.abort();
    this.#running.clear();
  }

  #settle(): void {
    this.#timer = undefined;
    this.#fetch();
  }

  #giveUp(): void {
    const wanted = new Set(this.#wanted.map(keyOf));
    for (const [key, { abort, held }] of this.#running) {
      if (held || wanted.has(key)) continue;
      abort.abort();
      this.#running.delete(key);
    }
  }

  #fetch(): void {
    for (const stretch of this.#wanted) {
      if (this.#running.size >= AT_ONCE) return;
      const key = keyOf(stretch);
      if (this.#running.has(key) || this.#resting.has(key) || !this.#source.lacks(stretch)) continue;
      this.#start(stretch);
    }
  }

  #start(stretch: Stretch): Fetching {
    const key = keyOf(stretch);
    const abort = new AbortController();
    const done = this.#source.load(stretch, abort.signal).catch((error: unknown) => {
      if (!abort.signal.aborted) this.#rest(key, error);
    });
    const fetching: Fetching = { abort, held: false, done: done.then(() => this.#ended(key, fetching)) };
    this.#running.set(key, fetching);
    return fetching;
  }

  #ended(key: string, fetching: Fetching): void {
    if (this.#running.get(key) === fetching) this.#running.delete(key);
    if (this.#timer === undefined) this.#fetch();
  }

  /** What failed is tried again when it is still looked at later, but not at once and not in a loop. */
  #rest(key: string, error: unknown): void {
    this.#source.failed(error);
    this.#resting.add(key);
    setTimeout(() => {
      if (this.#resting.delete(key)) this.#fetch();
    }, RETRY_MS);
  }
}
