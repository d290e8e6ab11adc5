// The timeline as the grid sees it: stretches of days, each laid out by itself and again only when its content changed.
import type { TimelineDay } from '../api/types';
import { layOutDays, type Band, type DayPlace, type DayStyle } from '../layout/days';
import { anchorIn, rowsIn, type Block, type GridModel } from '../layout/grid';
import { indexAt, type Stretch } from '../layout/stretches';
import type { Entry } from './entries';

export interface TimelineModel extends GridModel {
  stretchesIn(top: number, bottom: number): Stretch[];
  /** The day at a height. */
  dayAt(y: number): string | undefined;
  /** Where a day begins. */
  topOfDay(day: string): number | undefined;
}

interface Piece {
  stretch: Stretch;
  touch: number;
  known: (readonly Entry[] | undefined)[];
  bands: Band[];
  height: number;
}

export interface TimelineSource {
  days: readonly TimelineDay[];
  stretches: readonly Stretch[];
  entriesOn(day: string): readonly Entry[] | undefined;
  /** Changes whenever the entries of one of a stretch's days come, change or go. */
  touchOf(stretch: Stretch): number;
  find(id: string): Entry | undefined;
}

/** Makes models one after the other, keeping what did not change between them. */
export class TimelineModels {
  #pieces = new Map<string, Piece>();
  #ordered: readonly Piece[] = [];
  #style = '';

  build(source: TimelineSource, width: number, style: DayStyle): TimelineModel {
    const drawn = `${width} ${style.height}`;
    if (drawn !== this.#style) {
      this.#pieces.clear();
      this.#ordered = [];
    }
    this.#style = drawn;
    this.#ordered = source.stretches.map((stretch, index) => {
      const before = this.#ordered[index];
      // The usual case by far: the same days as before, and nothing of them came or went.
      if (before?.stretch === stretch && before.touch === source.touchOf(stretch)) return before;
      return this.#piece(this.#pieces.get(keyOf(stretch)), stretch, source, width, style);
    });
    this.#pieces = new Map(this.#ordered.map((piece) => [keyOf(piece.stretch), piece]));
    return modelOf(this.#ordered, source, style);
  }

  #piece(old: Piece | undefined, stretch: Stretch, source: TimelineSource, width: number, style: DayStyle): Piece {
    const days = source.days.slice(stretch.from, stretch.to);
    const known = days.map(({ day }) => source.entriesOn(day));
    const touch = source.touchOf(stretch);
    if (old && old.known.length === known.length && old.known.every((one, index) => one === known[index])) {
      return { ...old, stretch, touch };
    }
    if (old?.known.every((one) => one !== undefined) && known.every((one) => one === undefined)) {
      return { ...forgotten(old), stretch, touch, known };
    }
    const inputs = days.map(({ day, count }, index) => ({ day, count, ratios: known[index]?.map((entry) => entry.ratio) }));
    return { stretch, touch, known, ...layOutDays(inputs, width, style) };
  }
}

const keyOf = ({ newest, oldest, count }: Stretch) => `${newest} ${oldest} ${count}`;

/** A piece whose entries were let go of keeps its measures, so that it is where it was when one comes back. */
function forgotten(piece: Piece): Piece {
  const empty = (place: DayPlace): DayPlace => ({ ...place, rows: [], known: false });
  return { ...piece, bands: piece.bands.map((band) => ({ ...band, days: band.days.map(empty) })) };
}

function modelOf(pieces: readonly Piece[], source: TimelineSource, style: DayStyle): TimelineModel {
  const tops = new Float64Array(pieces.length);
  let height = 0;
  pieces.forEach((piece, index) => {
    tops[index] = height;
    height += piece.height;
  });

  function* bandsIn(top: number, bottom: number): Generator<{ band: Band; top: number }> {
    for (let index = indexAt(tops, top); index < pieces.length && (tops[index] ?? 0) <= bottom; index++) {
      for (const band of pieces[index]?.bands ?? []) {
        const bandTop = (tops[index] ?? 0) + band.top;
        if (bandTop + band.height >= top && bandTop <= bottom) yield { band, top: bandTop };
      }
    }
  }

  function findDay(day: string): { top: number; band: Band } | undefined {
    const index = pieceOfDay(pieces, day);
    const band = pieces[index]?.bands.find((one) => one.days.some((place) => place.day === day));
    return band && { top: (tops[index] ?? 0) + band.top, band };
  }

  const blocksIn = (top: number, bottom: number): Block[] =>
    [...bandsIn(top, bottom)].flatMap(({ band, top: bandTop }) =>
      band.days.map((place) => ({
        key: place.day,
        top: bandTop,
        left: place.left,
        width: place.width,
        height: band.height,
        day: place.day,
        rows: rowsIn(place.rows, top - bandTop - style.heading, bottom - bandTop - style.heading),
        entries: source.entriesOn(place.day),
      })),
    );

  function placeOf(id: string) {
    const entry = source.find(id);
    const found = entry && findDay(entry.day);
    const place = found?.band.days.find((one) => one.day === entry?.day);
    const position = source.entriesOn(entry?.day ?? '')?.findIndex((one) => one.id === id) ?? -1;
    const row = place?.rows.find((one) => position >= one.first && position < one.first + one.boxes.length);
    return found && row && { top: found.top + style.heading + row.top, height: row.height };
  }

  return {
    height,
    heading: style.heading,
    blocksIn,
    placeOf,
    // Between two bands it is the lower one.
    anchorAt: (y) => anchorIn(blocksIn(y, y + style.below + 1)[0], style.heading, y),
    topOf(anchor) {
      const place = anchor.id === undefined ? undefined : placeOf(anchor.id);
      if (place) return place.top + Math.min(anchor.offset, place.height);
      const found = findDay(anchor.key);
      return found && found.top + Math.min(anchor.blockOffset, found.band.height);
    },
    stretchesIn(top, bottom) {
      const [first, last] = [indexAt(tops, top), indexAt(tops, bottom)];
      return pieces.slice(first, last + 1).map((piece) => piece.stretch);
    },
    dayAt: (y) => bandsIn(y, y + 40).next().value?.band.days[0]?.day,
    topOfDay: (day) => findDay(day)?.top,
  };
}

/** Stretches run from the newest day to the oldest, so the first whose oldest day is not newer has it. */
function pieceOfDay(pieces: readonly Piece[], day: string): number {
  let [low, high] = [0, pieces.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((pieces[middle]?.stretch.oldest ?? '') > day) low = middle + 1;
    else high = middle;
  }
  return low;
}
