// The timeline as the grid sees it: stretches of days, each laid out by itself and again only when its content changed.
import type { TimelineDay } from '../api/types';
import { layOutDays, type Band, type DayStyle } from '../layout/days';
import { rowsIn, type Anchor, type Block, type GridModel } from '../layout/grid';
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
  known: (readonly Entry[] | undefined)[];
  bands: Band[];
  height: number;
}

export interface TimelineSource {
  days: readonly TimelineDay[];
  stretches: readonly Stretch[];
  entriesOn(day: string): readonly Entry[] | undefined;
  find(id: string): Entry | undefined;
}

/** Makes models one after the other, keeping what did not change between them. */
export class TimelineModels {
  #pieces = new Map<string, Piece>();
  #style = '';

  build(source: TimelineSource, width: number, style: DayStyle): TimelineModel {
    const drawn = `${width} ${style.height}`;
    if (drawn !== this.#style) this.#pieces.clear();
    this.#style = drawn;
    const next = new Map<string, Piece>();
    const pieces = source.stretches.map((stretch) => {
      const key = `${stretch.newest} ${stretch.oldest} ${stretch.count}`;
      const piece = this.#piece(this.#pieces.get(key), stretch, source, width, style);
      next.set(key, piece);
      return piece;
    });
    this.#pieces = next;
    return modelOf(pieces, source, style);
  }

  #piece(old: Piece | undefined, stretch: Stretch, source: TimelineSource, width: number, style: DayStyle): Piece {
    const days = source.days.slice(stretch.from, stretch.to);
    const known = days.map(({ day }) => source.entriesOn(day));
    if (old && old.known.length === known.length && old.known.every((one, index) => one === known[index])) {
      return { ...old, stretch };
    }
    const inputs = days.map(({ day, count }, index) => ({ day, count, ratios: known[index]?.map((entry) => entry.ratio) }));
    return { stretch, known, ...layOutDays(inputs, width, style) };
  }
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
    // Stretches run from the newest day to the oldest, so the first whose oldest day is not newer holds it.
    const index = pieces.findIndex((piece) => piece.stretch.oldest <= day);
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

  return {
    height,
    heading: style.heading,
    blocksIn,
    placeOf(id) {
      const entry = source.find(id);
      const found = entry && findDay(entry.day);
      const place = found?.band.days.find((one) => one.day === entry?.day);
      const position = source.entriesOn(entry?.day ?? '')?.findIndex((one) => one.id === id) ?? -1;
      const row = place?.rows.find((one) => position >= one.first && position < one.first + one.boxes.length);
      return found && row && { top: found.top + style.heading + row.top, height: row.height };
    },
    anchorAt(y) {
      const first = bandsIn(y, y + 1).next().value;
      const day = first?.band.days[0]?.day;
      return first && day !== undefined ? { key: day, offset: y - first.top } : undefined;
    },
    topOf: (anchor: Anchor) => {
      const found = findDay(anchor.key);
      return found && found.top + Math.min(anchor.offset, found.band.height);
    },
    stretchesIn(top, bottom) {
      const [first, last] = [indexAt(tops, top), indexAt(tops, bottom)];
      return pieces.slice(first, last + 1).map((piece) => piece.stretch);
    },
    dayAt: (y) => bandsIn(y, y + 40).next().value?.band.days[0]?.day,
    topOfDay: (day) => findDay(day)?.top,
  };
}
