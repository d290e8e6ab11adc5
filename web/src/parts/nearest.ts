// Where a key leads in a wall of pictures: from one to that most nearly above or below it, or to that nearest to a point.
// Told by the model's measures alone, so that it leads beyond what is in the page, and to days that have yet to be loaded.
import type { Block } from '../lib/layout/grid';

/** A place in the model's pixels. */
export interface Spot {
  left: number;
  width: number;
  top: number;
  height: number;
}

/** A picture, or the block that has to be loaded first. */
export type Found = { id: string; spot: Spot } | { id: undefined; block: string; spot: Spot };

/** Rows differ less than this among days that stand side by side. */
const SAME_ROW = 10;
/** What is away upwards or downwards counts so much more than what is aside. */
const AWAY = 3;

function* places(blocks: readonly Block[], heading: number): Generator<Found> {
  for (const block of blocks) {
    const { left, width, top, height, entries, rows } = block;
    if (!entries) {
      yield { id: undefined, block: block.key, spot: { left, width, top: top + heading, height: height - heading } };
      continue;
    }
    for (const row of rows) {
      for (const [at, box] of row.boxes.entries()) {
        const id = entries[row.first + at]?.id;
        const spot = { left: left + box.left, width: box.width, top: top + heading + row.top, height: row.height };
        if (id !== undefined) yield { id, spot };
      }
    }
  }
}

export function spotOf(blocks: readonly Block[], heading: number, id: string): Spot | undefined {
  for (const place of places(blocks, heading)) if (place.id === id) return place.spot;
  return undefined;
}

/** What stands most nearly below (1) or above (-1) a picture. */
export function nearestBeside(blocks: readonly Block[], heading: number, from: Spot, down: 1 | -1): Found | undefined {
  const middle = from.left + from.width / 2;
  return best(blocks, heading, ({ id, spot }) => {
    const edge = id === undefined && down === -1 ? spot.top + spot.height - 2 * SAME_ROW : spot.top;
    const away = down * (edge - from.top);
    return away < SAME_ROW ? Infinity : away * AWAY + gap(middle, spot.left, spot.width);
  });
}

/** What stands nearest to a point. */
export function nearestTo(blocks: readonly Block[], heading: number, x: number, y: number): Found | undefined {
  return best(blocks, heading, ({ spot }) => gap(y, spot.top, spot.height) * AWAY + gap(x, spot.left, spot.width));
}

const gap = (at: number, from: number, length: number) => Math.max(0, from - at, at - from - length);

function best(blocks: readonly Block[], heading: number, costOf: (place: Found) => number): Found | undefined {
  let found: Found | undefined;
  let least = Infinity;
  for (const place of places(blocks, heading)) {
    const cost = costOf(place);
    if (cost < least) [found, least] = [place, cost];
  }
  return found;
}
