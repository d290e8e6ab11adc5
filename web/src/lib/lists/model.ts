// A list as the grid sees it: one run of rows under no heading.
import type { GridModel } from '../layout/grid';
import { anchorIn, rowsIn, type Block } from '../layout/grid';
import { justify, type RowStyle } from '../layout/justified';
import type { Entry } from '../timeline/entries';

const KEY = 'list';

export function listModel(entries: readonly Entry[], width: number, style: RowStyle): GridModel {
  const ratios = entries.map((entry) => entry.ratio);
  const { rows, height } = justify(ratios, width, style);
  const block = (top: number, bottom: number): Block => ({
    key: KEY,
    top: 0,
    left: 0,
    width,
    height,
    day: undefined,
    rows: rowsIn(rows, top, bottom),
    entries,
  });
  const placeOf = (id: string) => {
    const position = entries.findIndex((entry) => entry.id === id);
    return rows.find((row) => position >= row.first && position < row.first + row.boxes.length);
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
