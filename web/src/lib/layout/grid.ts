// What the grid needs to know of whatever it shows: its height, what stands in a window of it, and where a thing is.
// The timeline and the album each build one; the grid itself knows neither.
import type { Entry } from '../timeline/entries';
import type { DayStyle } from './days';
import type { Row } from './justified';

/** Pictures under one heading, or under none. */
export interface Block {
  key: string;
  top: number;
  left: number;
  width: number;
  height: number;
  /** The day whose name stands above; absent in an album. */
  day: string | undefined;
  /** Only the rows within the asked window; their tops count from below the heading. */
  rows: readonly Row[];
  entries: readonly Entry[] | undefined;
}

/** A point that stays where it is while the content above it changes: by the picture there, or else by its block. */
export interface Anchor {
  key: string;
  blockOffset: number;
  id: string | undefined;
  offset: number;
}

export interface GridModel {
  height: number;
  heading: number;
  blocksIn(top: number, bottom: number): Block[];
  placeOf(id: string): { top: number; height: number } | undefined;
  anchorAt(y: number): Anchor | undefined;
  topOf(anchor: Anchor): number | undefined;
}

/** Sizes that suit a grid of that width. */
export function styleFor(width: number): DayStyle {
  if (width < 560) return { height: 118, gap: 3, heading: 38, between: 10, below: 10, narrowest: 96 };
  if (width < 1700) return { height: 206, gap: 4, heading: 42, between: 20, below: 18, narrowest: 128 };
  return { height: 250, gap: 5, heading: 44, between: 24, below: 20, narrowest: 140 };
}

/** The rows that reach into a window. */
export function rowsIn(rows: readonly Row[], top: number, bottom: number): readonly Row[] {
  const first = rows.findIndex((row) => row.top + row.height >= top);
  if (first < 0) return [];
  const end = rows.findIndex((row, index) => index >= first && row.top > bottom);
  return rows.slice(first, end < 0 ? rows.length : end);
}

/** The anchor at a height within a block of which the rows there are given. */
export function anchorIn(block: Block | undefined, heading: number, y: number): Anchor | undefined {
  if (!block) return undefined;
  const row = block.rows.find((one) => block.top + heading + one.top + one.height >= y);
  const top = row === undefined ? y : block.top + heading + row.top;
  // A heading that scrolls in goes with the pictures below it.
  return { key: block.key, blockOffset: y - block.top, id: block.entries?.[row?.first ?? -1]?.id, offset: y - top };
}
