import { describe, expect, it } from 'vitest';
import { layOutDays, type DayStyle } from './days';
import { justify, shownRatio } from './justified';
import { cutIntoStretches, indexAt } from './stretches';

const style = { height: 200, gap: 4 };
const dayStyle: DayStyle = { ...style, heading: 40, between: 24, below: 12, narrowest: 100 };

/** Ratios that look like a library, the same at every run. */
function someRatios(count: number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return [0.75, 0.667, 1.333, 1.5, 1.778, 5, 0.2][state % 7] ?? 1;
  });
}

describe('justified rows', () => {
  it('fills every row but the last to the pixel and keeps the order', () => {
    for (const width of [312, 700, 1400, 3000]) {
      const ratios = someRatios(200, width);
      const { rows, height } = justify(ratios, width, style);
      expect(rows.flatMap((row) => row.boxes)).toHaveLength(200);
      let expected = 0;
      for (const [index, row] of rows.entries()) {
        expect(row.first).toBe(expected);
        expected += row.boxes.length;
        const last = row.boxes.at(-1);
        const right = (last?.left ?? 0) + (last?.width ?? 0);
        if (index < rows.length - 1) expect(right).toBeCloseTo(width, 3);
        else expect(right).toBeLessThanOrEqual(width + 0.001);
      }
      const bottom = rows.at(-1);
      expect(height).toBeCloseTo((bottom?.top ?? 0) + (bottom?.height ?? 0), 3);
    }
  });

  it('keeps rows near the wanted height', () => {
    const { rows } = justify(someRatios(500), 1400, style);
    for (const row of rows) {
      expect(row.height).toBeGreaterThan(120);
      expect(row.height).toBeLessThan(320);
    }
  });

  it('keeps each picture in its shown ratio', () => {
    const ratios = someRatios(50);
    for (const row of justify(ratios, 900, style).rows) {
      row.boxes.forEach((box, index) => {
        expect(box.width / row.height).toBeCloseTo(shownRatio(ratios[row.first + index] ?? 0), 6);
      });
    }
  });

  it('does not blow up a lonely last picture', () => {
    expect(justify([0.7], 1400, style).rows[0]?.height).toBe(200);
  });

  it('has no rows for no pictures, and treats nonsense as square', () => {
    expect(justify([], 800, style)).toEqual({ rows: [], height: 0 });
    expect(shownRatio(0)).toBe(1);
    expect(shownRatio(Number.NaN)).toBe(1);
  });
});

describe('days', () => {
  const known = (day: string, ratios: number[]) => ({ day, count: ratios.length, ratios });

  it('puts small days side by side and large ones over rows', () => {
    const { bands } = layOutDays(
      [known('2024-05-03', [1.5]), known('2024-05-02', [1.5]), known('2024-05-01', someRatios(40))],
      1000,
      dayStyle,
    );
    expect(bands.map((band) => band.days.map((day) => day.day))).toEqual([['2024-05-03', '2024-05-02'], ['2024-05-01']]);
    expect(bands[1]?.days[0]?.rows.length).toBeGreaterThan(3);
  });

  it('never leaves the width, never overlaps, and keeps every picture', () => {
    for (const width of [288, 360, 900, 1900]) {
      const days = Array.from({ length: 120 }, (_, index) =>
        known(`day-${index}`, someRatios((index * 7) % 13 === 0 ? 30 : 1 + (index % 4), index + 1)),
      );
      const { bands, height } = layOutDays(days, width, dayStyle);
      expect(bands.flatMap((band) => band.days.map((day) => day.day))).toEqual(days.map((day) => day.day));
      let bottom = 0;
      for (const band of bands) {
        expect(band.top).toBeGreaterThanOrEqual(bottom - 0.001);
        bottom = band.top + band.height;
        let right = -dayStyle.between;
        for (const day of band.days) {
          expect(day.left).toBeGreaterThanOrEqual(right + dayStyle.between - 0.001);
          right = day.left + day.width;
          expect(right).toBeLessThanOrEqual(width + 1);
          for (const row of day.rows) {
            const last = row.boxes.at(-1);
            expect((last?.left ?? 0) + (last?.width ?? 0)).toBeLessThanOrEqual(width + 1);
          }
        }
      }
      const pictures = bands.flatMap((band) => band.days.flatMap((day) => day.rows.flatMap((row) => row.boxes)));
      expect(pictures).toHaveLength(days.reduce((total, day) => total + day.count, 0));
      expect(height).toBeGreaterThanOrEqual(bottom);
    }
  });

  it('estimates an unknown day near what it turns out to be', () => {
    const ratios = someRatios(300).map((ratio) => (ratio === 5 || ratio === 0.2 ? 1.333 : ratio));
    const estimated = layOutDays([{ day: 'd', count: 300, ratios: undefined }], 1200, dayStyle).height;
    const exact = layOutDays([known('d', ratios)], 1200, dayStyle).height;
    expect(Math.abs(estimated - exact) / exact).toBeLessThan(0.25);
  });
});

describe('stretches', () => {
  it('covers every day once, in order, with whole days', () => {
    const days = Array.from({ length: 500 }, (_, index) => ({ day: `d${index}`, count: 1 + ((index * 37) % 90) }));
    const stretches = cutIntoStretches(days, 200);
    let next = 0;
    for (const stretch of stretches) {
      expect(stretch.from).toBe(next);
      next = stretch.to;
      const inside = days.slice(stretch.from, stretch.to);
      expect(stretch.count).toBe(inside.reduce((total, day) => total + day.count, 0));
      expect(stretch.count).toBeLessThanOrEqual(200);
      expect(stretch.newest).toBe(inside[0]?.day);
      expect(stretch.oldest).toBe(inside.at(-1)?.day);
    }
    expect(next).toBe(500);
  });

  it('lets a day larger than a stretch stand alone', () => {
    const stretches = cutIntoStretches([{ day: 'a', count: 1 }, { day: 'b', count: 900 }, { day: 'c', count: 1 }], 300);
    expect(stretches.map((stretch) => stretch.count)).toEqual([1, 900, 1]);
  });

  it('finds what stands at a height', () => {
    expect([-5, 0, 9, 10, 25, 99].map((y) => indexAt([0, 10, 20], y))).toEqual([0, 0, 0, 1, 2, 2]);
    expect(indexAt([], 5)).toBe(0);
  });
});
