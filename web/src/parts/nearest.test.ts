import { describe, expect, it } from 'vitest';
import type { Block, GridModel } from '../lib/layout/grid';
import { styleFor } from '../lib/layout/grid';
import { listModel } from '../lib/lists/model';
import type { Entry, Sequence } from '../lib/timeline/entries';
import { nearestBeside, nearestTo, spotOf } from './nearest';
import { walk, type Ground } from './walk';

const entry = (id: string): Entry => ({ id, day: '2024-01-01', ratio: 1 }) as Entry;

/** A block of square pictures, 100 pixels each, so many in a row. */
function block(key: string, top: number, left: number, ids: string[], across: number): Block {
  const rows = Array.from({ length: Math.ceil(ids.length / across) }, (_, row) => ({
    top: row * 100,
    height: 100,
    first: row * across,
    boxes: ids.slice(row * across, (row + 1) * across).map((_, at) => ({ left: at * 100, width: 100 })),
  }));
  return { key, top, left, width: across * 100, height: 40 + rows.length * 100, day: key, rows, entries: ids.map(entry) };
}
const unknown = (key: string, top: number, height: number): Block => ({ ...block(key, top, 0, [], 5), width: 500, height, entries: undefined });

describe('what is nearest', () => {
  const blocks = [
    block('a', 0, 0, ['a0', 'a1', 'a2', 'a3', 'a4'], 3),
    block('b', 260, 0, ['b0'], 1),
    block('c', 260, 120, ['c0', 'c1'], 2),
    unknown('d', 420, 600),
    block('e', 1040, 0, ['e0', 'e1'], 2),
  ];
  const beside = (id: string, down: 1 | -1) => {
    const from = spotOf(blocks, 40, id);
    const found = from && nearestBeside(blocks, 40, from, down);
    return found && (found.id ?? found.block);
  };

  it('is in the row above or below, also on another day', () => {
    expect(beside('a1', 1)).toBe('a4');
    expect(beside('a2', 1)).toBe('a4');
    expect(beside('a4', 1)).toBe('c0');
    expect(beside('a3', 1)).toBe('b0');
    expect(beside('c1', -1)).toBe('a4');
    expect(beside('a0', -1)).toBeUndefined();
    expect(beside('e1', 1)).toBeUndefined();
  });

  it('is never beyond a day that has yet to be loaded', () => {
    expect(beside('b0', 1)).toBe('d');
    expect(beside('e0', -1)).toBe('d');
  });

  it('is told of a point, too', () => {
    const at = (x: number, y: number) => {
      const found = nearestTo(blocks, 40, x, y);
      return found && (found.id ?? found.block);
    };
    expect(at(250, 90)).toBe('a2');
    expect(at(290, 190)).toBe('a4');
    expect(at(200, 700)).toBe('d');
    expect(at(-50, 5000)).toBe('e0');
    expect(nearestTo([], 40, 0, 0)).toBeUndefined();
  });
});

describe('the keys that walk', () => {
  const entries = Array.from({ length: 500 }, (_, index) => entry(`p${index}`));
  const model: GridModel = listModel(entries, 1000, styleFor(1000), (id) => Number(id.slice(1)));
  const sequence = {
    neighbour: async (id: string, step: 1 | -1) => entries[Number(id.slice(1)) + step],
    end: async (side: 1 | -1) => (side === 1 ? entries[0] : entries.at(-1)),
  } as Sequence;
  const ground = (top = 0): Ground => ({
    model: () => model,
    sequence: () => sequence,
    top: () => top,
    viewHeight: () => 800,
    drawn: async () => undefined,
  });
  const to = async (key: string, id?: string, top?: number) => (await walk(ground(top), key, id))?.id;

  it('go on from picture to picture and end at the ends', async () => {
    expect(await to('ArrowRight', 'p4')).toBe('p5');
    expect(await to('ArrowLeft', 'p4')).toBe('p3');
    expect(await to('ArrowLeft', 'p0')).toBeUndefined();
    expect(await to('Home', 'p44')).toBe('p0');
    expect(await to('End', 'p44')).toBe('p499');
    expect(await to('ArrowUp', 'p1')).toBeUndefined();
  });

  it('come back from where they led', async () => {
    const below = await to('ArrowDown', 'p101');
    expect(Number(below?.slice(1))).toBeGreaterThan(103);
    expect(await to('ArrowUp', below)).toBe('p101');
    const page = await walk(ground(), 'PageDown', 'p101');
    expect(page?.turn).toBeGreaterThan(600);
    expect(await to('PageUp', page?.id)).toBe('p101');
    expect(await to('PageDown', 'p499')).toBe('p499');
  });

  it('begin with what is in view', async () => {
    expect(await to('ArrowDown')).toBe('p0');
    expect(Number((await to('ArrowDown', undefined, 3_000))?.slice(1))).toBeGreaterThan(40);
  });
});
