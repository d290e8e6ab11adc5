// What became of many assets of which something was asked at once. The server answers for each by itself; whoever asked is
// told of each that could not be served, and of those that were not asked for because the work stopped half-way.
import type { ItemOutcome, ItemResults } from './api/types';
import type { Entry } from './timeline/entries';

/** The API takes so many assets in one request. */
export const BATCH = 1000;

/** Many assets: at hand, or read page by page while the work goes on. */
export type Assets = Iterable<string> | AsyncIterable<string>;

export interface Outcome {
  done: string[];
  /** It was so already. */
  unchanged: string[];
  failed: Failure[];
  /** The work ended before all were asked for. */
  stopped?: Stop;
}

export interface Failure {
  asset: string;
  why: Exclude<ItemOutcome, 'done' | 'unchanged'>;
  /** What the page knew of it. */
  entry?: Entry | undefined;
}

export interface Stop {
  /** Why; nothing when the person wanted it so. */
  error?: unknown;
  /** What is left, the batch that was not answered first: asked for twice, it is done once. */
  rest: Assets;
  /** How many those are, where that is known. */
  left: number | undefined;
}

export interface Watch {
  signal?: AbortSignal;
  /** Called before each batch with how many are behind it, and after the last. */
  onprogress?: (over: number, total: number | undefined) => void;
}

/** Asks for as many assets as there are, in batches, one after the other. It never throws: what it could not do is told. */
export async function forEach(assets: Assets, ask: (batch: string[]) => Promise<ItemResults>, watch: Watch = {}): Promise<Outcome> {
  const outcome: Outcome = { done: [], unchanged: [], failed: [] };
  const source = sourceOf(assets);
  let over = 0;
  try {
    for (;;) {
      const batch = await source.next();
      watch.onprogress?.(over, source.total);
      if (batch.length === 0) return outcome;
      if (watch.signal?.aborted) return { ...outcome, stopped: source.rest() };
      sort(await ask(batch), outcome);
      over += batch.length;
      source.taken();
    }
  } catch (error) {
    return { ...outcome, stopped: { ...source.rest(), error } };
  }
}

function sort({ results }: ItemResults, outcome: Outcome): void {
  for (const { asset, outcome: what } of results) {
    if (what === 'done' || what === 'unchanged') outcome[what].push(asset);
    else outcome.failed.push({ asset, why: what });
  }
}

/** Where batches come from. One that was not `taken` is part of the rest. */
interface Source {
  readonly total: number | undefined;
  next(): Promise<string[]>;
  taken(): void;
  rest(): Stop;
}

const sourceOf = (assets: Assets): Source => (Symbol.asyncIterator in assets ? new Stream(assets) : new List([...assets]));

class List implements Source {
  readonly total: number;
  #ids: readonly string[];
  #at = 0;

  constructor(ids: readonly string[]) {
    this.#ids = ids;
    this.total = ids.length;
  }

  async next(): Promise<string[]> {
    return this.#ids.slice(this.#at, this.#at + BATCH);
  }

  taken(): void {
    this.#at += BATCH;
  }

  rest(): Stop {
    const rest = this.#ids.slice(this.#at);
    return { rest, left: rest.length };
  }
}

class Stream implements Source {
  readonly total = undefined;
  #all: AsyncIterable<string>;
  #ids: AsyncIterator<string>;
  #batch: string[] = [];
  #whole = false;

  constructor(all: AsyncIterable<string>) {
    this.#all = all;
    this.#ids = all[Symbol.asyncIterator]();
  }

  async next(): Promise<string[]> {
    this.#whole = false;
    while (this.#batch.length < BATCH) {
      const next = await this.#ids.next();
      if (next.done) break;
      this.#batch.push(next.value);
    }
    this.#whole = true;
    return this.#batch;
  }

  taken(): void {
    this.#batch = [];
  }

  /** What could not be read to its end is read once more from its beginning: what was done then is found so. */
  rest(): Stop {
    return { rest: this.#whole ? after(this.#batch, this.#ids) : this.#all, left: undefined };
  }
}

async function* after(batch: readonly string[], ids: AsyncIterator<string>): AsyncGenerator<string> {
  yield* batch;
  for (let next = await ids.next(); !next.done; next = await ids.next()) yield next.value;
}
