// A list as the grid sees it: one run of rows under no heading.
import type { GridModel } from '../layout/grid';
import { rowsIn } from '../layout/grid';
import { justify, type RowStyle } from '../layout/justified';
import type { Entry } from '../timeline/entries';

const KEY = 'list';

export function listModel(entries: readonly Entry[], width: number, style: RowStyle): GridModel {
  const ratios = entries.map((entry) => entry.ratio);
  const { rows, height } = justify(ratios, width, style);
  return {
    height,
    heading: 0,
    blocksIn: (top, bottom) => [
      { key: KEY, top: 0, left: 0, width, height, day: undefined, rows: rowsIn(rows, top, bottom), entries },
    ],
    placeOf(id) {
      const position = entries.findIndex((entry) => entry.id === id);
      return rows.find((row) => position >= row.first && position < row.first + row.boxes.length);
    },
    anchorAt: (y) => ({ key: KEY, offset: y }),
    topOf: (anchor) => anchor.offset,
  };
}
