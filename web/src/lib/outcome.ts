// What became of many assets of which something was asked at once. The server answers for each by itself; whoever asked is
// told of each that could not be served.
import type { ItemOutcome, ItemResults } from './api/types';

/** The API takes so many assets in one request. */
const BATCH = 1000;

export interface Outcome {
  done: string[];
  /** It was so already. */
  unchanged: string[];
  failed: Failure[];
}

export interface Failure {
  asset: string;
  why: Exclude<ItemOutcome, 'done' | 'unchanged'>;
}

/** Asks for as many assets as there are, in batches, one after the other. What a broken line leaves undone is thrown. */
export async function forEach(assets: readonly string[], ask: (batch: string[]) => Promise<ItemResults>): Promise<Outcome> {
  const outcome: Outcome = { done: [], unchanged: [], failed: [] };
  for (let start = 0; start < assets.length; start += BATCH) {
    const { results } = await ask(assets.slice(start, start + BATCH));
    for (const { asset, outcome: what } of results) {
      if (what === 'done' || what === 'unchanged') outcome[what].push(asset);
      else outcome.failed.push({ asset, why: what });
    }
  }
  return outcome;
}
