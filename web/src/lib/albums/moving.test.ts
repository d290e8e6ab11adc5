import { expect, test } from 'vitest';
import { cellsFor, moved, placeAt, runsOf, stepOf } from './moving';

test('what is moved stands where it was put, and the others close up', () => {
  expect(moved(['a', 'b', 'c', 'd'], 0, 2)).toEqual(['b', 'c', 'a', 'd']);
  expect(moved(['a', 'b', 'c', 'd'], 3, 0)).toEqual(['d', 'a', 'b', 'c']);
  expect(moved(['a', 'b'], 1, 1)).toEqual(['a', 'b']);
});

test('arrow keys lead to the cell beside, above and below, and never out', () => {
  expect(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'x'].map((key) => stepOf(key, 4, 3, 8))).toEqual([
    3,
    5,
    1,
    7,
    0,
    7,
    undefined,
  ]);
  expect([stepOf('ArrowLeft', 0, 3, 8), stepOf('ArrowDown', 5, 3, 8), stepOf('ArrowUp', 2, 3, 8)]).toEqual([undefined, undefined, undefined]);
});

test('cells fill the width, and each point belongs to one', () => {
  const cells = cellsFor(320, 100, 10);
  expect(cells).toEqual({ columns: 3, size: 100, gap: 10 });
  expect(cellsFor(50, 100, 10).columns).toBe(2);
  expect(placeAt(0, 0, cells, 8)).toBe(0);
  expect(placeAt(115, 115, cells, 8)).toBe(4);
  expect(placeAt(319, 239, cells, 8)).toBe(7);
  expect([placeAt(-50, -50, cells, 8), placeAt(9999, 9999, cells, 8), placeAt(250, 0, cells, 2)]).toEqual([0, 7, 1]);
});

test('what was taken out of a list goes back run by run, the last first', () => {
  const list = ['a', 'b', 'c', 'd', 'e', 'f'];
  expect(runsOf(list, new Set(['b', 'c', 'e', 'f']))).toEqual([
    { run: ['e', 'f'], before: undefined },
    { run: ['b', 'c'], before: 'd' },
  ]);
  expect(runsOf(list, new Set(['x']))).toEqual([]);
});
