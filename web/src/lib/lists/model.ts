// A list as the grid sees it: one run of rows under no heading, of which only what is looked at is touched.
import type { GridModel } from '../layout/grid';
import { anchorIn, type Block } from '../layout/grid';
import { justify, type Row, type RowStyle } from '../layout/justified';
import type { Entry } from '../timeline/entries';

const KEY = 'list';

/** `indexOf` tells where in the list an asset stands; below 0 for one that does not. */
export function listModel(entries: readonly Entry[], width: number, style: RowStyle, indexOf: (id: string) => number): GridModel {
  const ratios = entries.map((entry) => entry.ratio);
  const { rows, height } = justify(ratios, width, style);
  const block = (top: number, bottom: number): Block => {
    const first = Math.max(0, lastRow(rows, (row) => row.top < top));
    const end = lastRow(rows, (row) => row.top <= bottom) + 1;
    return { key: KEY, top: 0, left: 0, width, height, day: undefined, rows: rows.slice(first, end), entries };
  };
  const placeOf = (id: string) => {
    const position = indexOf(id);
    return position < 0 ? undefined : rows[lastRow(rows, (row) => row.first <= position)];
  };
  return {
    height,
    heading: 0,
    blocksIn: (top, bottom) => [block(top, bottom)],
    placeOf,
    anchorAt: (y) => anchorIn(block(y, y + 1), 0, y),
    topOf(anchor) {
      const place = anchor.id === undefined ? undefined : placeOf(anchor.id);
      return place ? place.top + Math.min(anchor.offset, place.height) : anchor.blockOffset;
    },
  };
}

/** The last row of which something holds that holds of all before it; -1 for none. */
function lastRow(rows: readonly Row[], holds: (row: Row) => boolean): number {
  let low = -1;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const row = rows[middle];
    if (row && holds(row)) low = middle;
    else high = middle - 1;
  }
  return low;
}
