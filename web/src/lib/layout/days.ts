// The timeline's shape: days one after the other, several small ones side by side, a large one over many rows. Days whose
// pictures are not known yet are estimated from their counts, so that the page has nearly its true height from the start.
// Called for one stretch of days at a time; pure arithmetic.
import { justify, placeBoxes, shownRatio, type Row, type RowStyle } from './justified';

export interface DayStyle extends RowStyle {
  /** The room above a day's pictures for its name. */
  heading: number;
  /** Between days that stand side by side. */
  between: number;
  /** Between one band of days and the next. */
  below: number;
  /** The least width of a day, so that its name can be read. */
  narrowest: number;
}

/** A day: known by its pictures' ratios, or only by how many there are. */
export interface DayInput {
  day: string;
  count: number;
  ratios: readonly number[] | undefined;
}

export interface DayPlace {
  day: string;
  left: number;
  width: number;
  /** The rows' tops count from below the heading; empty while the day is estimated. */
  rows: Row[];
  known: boolean;
}

/** Days side by side, or one large day. */
export interface Band {
  top: number;
  height: number;
  days: DayPlace[];
}

/** The middle of what cameras make: 4:3 and 3:2, some of them upright. */
const USUAL_RATIO = 1.3;
/** How far a row of several days may shrink or grow to fill the width. */
const LEAST_SCALE = 0.8;
const MOST_SCALE = 1.5;

interface Candidate {
  input: DayInput;
  shown: number[];
  sum: number;
  count: number;
}

export function layOutDays(days: readonly DayInput[], width: number, style: DayStyle): { bands: Band[]; height: number } {
  const bands: Band[] = [];
  let waiting: Candidate[] = [];
  let top = 0;
  const add = (band: Band) => {
    bands.push(band);
    top += band.height + style.below;
  };
  const flush = () => {
    if (waiting.length > 0) add(sideBySide(waiting, top, width, style));
    waiting = [];
  };
  for (const input of days) {
    const next = candidate(input);
    if (scaleOf([next], width, style) < LEAST_SCALE) {
      flush();
      add(alone(next, top, width, style));
      continue;
    }
    if (!fitsWith(waiting, next, width, style)) flush();
    waiting.push(next);
    if (scaleOf(waiting, width, style) <= 1) flush();
  }
  flush();
  return { bands, height: top };
}

function candidate(input: DayInput): Candidate {
  const shown = input.ratios?.map(shownRatio) ?? [];
  const count = input.ratios ? shown.length : input.count;
  const sum = input.ratios ? shown.reduce((total, ratio) => total + ratio, 0) : count * USUAL_RATIO;
  return { input, shown, sum, count };
}

/** By how much the wanted height must be scaled for these days to fill the width together in one row. */
function scaleOf(candidates: readonly Candidate[], width: number, style: DayStyle): number {
  const gaps = candidates.reduce((total, { count }) => total + style.gap * Math.max(0, count - 1), 0);
  const between = style.between * (candidates.length - 1);
  const sum = candidates.reduce((total, one) => total + one.sum, 0);
  return sum === 0 ? Infinity : (width - gaps - between) / (sum * style.height);
}

function fitsWith(waiting: readonly Candidate[], next: Candidate, width: number, style: DayStyle): boolean {
  const together = [...waiting, next];
  const scale = scaleOf(together, width, style);
  if (scale < LEAST_SCALE) return false;
  const before = waiting.length > 0 ? scaleOf(waiting, width, style) : Infinity;
  const shrinksMoreThanItFills = scale < 1 && before <= MOST_SCALE && 1 - scale > before - 1;
  return !shrinksMoreThanItFills && naturalWidth(together, Math.min(scale, 1), style) <= width + 0.5;
}

function naturalWidth(candidates: readonly Candidate[], scale: number, style: DayStyle): number {
  const widths = candidates.map((one) => widthOf(one, style.height * scale, style));
  return widths.reduce((total, one) => total + one, 0) + style.between * (candidates.length - 1);
}

function widthOf({ sum, count }: Candidate, height: number, style: DayStyle): number {
  return Math.max(style.narrowest, sum * height + style.gap * Math.max(0, count - 1));
}

function sideBySide(candidates: readonly Candidate[], top: number, width: number, style: DayStyle): Band {
  let scale = scaleOf(candidates, width, style);
  if (scale > MOST_SCALE || naturalWidth(candidates, scale, style) > width + 0.5) scale = Math.min(scale, 1);
  const height = style.height * scale;
  let left = 0;
  const days = candidates.map((one) => {
    const place: DayPlace = {
      day: one.input.day,
      left,
      width: Math.min(width, widthOf(one, height, style)),
      rows: one.shown.length > 0 ? [{ top: 0, height, first: 0, boxes: placeBoxes(one.shown, height, style.gap) }] : [],
      known: one.input.ratios !== undefined,
    };
    left += place.width + style.between;
    return place;
  });
  return { top, height: style.heading + height, days };
}

function alone(one: Candidate, top: number, width: number, style: DayStyle): Band {
  const { rows, height } = one.input.ratios
    ? justify(one.input.ratios, width, style)
    : { rows: [], height: estimatedHeight(one.count, width, style) };
  const known = one.input.ratios !== undefined;
  return { top, height: style.heading + height, days: [{ day: one.input.day, left: 0, width, rows, known }] };
}

function estimatedHeight(count: number, width: number, style: DayStyle): number {
  const natural = count * (USUAL_RATIO * style.height + style.gap);
  const rows = Math.max(1, Math.round(natural / width));
  return rows * (style.height + style.gap) - style.gap;
}
