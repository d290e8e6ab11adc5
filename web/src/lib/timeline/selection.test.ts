import { afterEach, describe, expect, it } from 'vitest';
import type { Entry, Sequence, Work } from './entries';
import { selection } from './selection.svelte';

const ids = Array.from({ length: 30 }, (_, index) => `p${index}`);
const sequence: Sequence = {
  find: () => undefined,
  neighbour: async () => undefined,
  loadAround: async () => undefined,
  between: async (first, last) => {
    const ends = [ids.indexOf(first), ids.indexOf(last)];
    return ids.slice(Math.min(...ends), Math.max(...ends) + 1);
  },
  all: async (_: Work, day?: string) => (day === undefined ? ids : ids.slice(0, 5)),
  end: async (): Promise<Entry | undefined> => undefined,
};
const chosen = () => [...selection.ids].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))).join(' ');

afterEach(() => selection.clear());

describe('the selection', () => {
  it('grows and shrinks a range from where it began, and leaves what was picked before', async () => {
    selection.toggle('p9');
    selection.toggle('p4');
    await selection.extendTo('p6', sequence);
    expect(chosen()).toBe('p4 p5 p6 p9');
    await selection.extendTo('p10', sequence);
    expect(chosen()).toBe('p4 p5 p6 p7 p8 p9 p10');
    await selection.extendTo('p3', sequence);
    expect(chosen()).toBe('p3 p4 p9');
  });

  it('begins a range by keys where the focus is, or goes on with the one that ends there', async () => {
    selection.rangeFrom('p2');
    await selection.extendTo('p3', sequence);
    selection.rangeFrom('p3');
    await selection.extendTo('p4', sequence);
    expect(chosen()).toBe('p2 p3 p4');
    selection.rangeFrom('p4');
    await selection.extendTo('p3', sequence);
    expect(chosen()).toBe('p2 p3');
    selection.rangeFrom('p20');
    await selection.extendTo('p21', sequence);
    expect(chosen()).toBe('p2 p3 p20 p21');
  });

  it('takes a day whole, or lets it go', async () => {
    selection.toggle('p1');
    await selection.toggleDay('2024-01-01', sequence);
    expect(chosen()).toBe('p0 p1 p2 p3 p4');
    await selection.toggleDay('2024-01-01', sequence);
    expect(selection.size).toBe(0);
  });

  it('takes very many in slices, and all of them', async () => {
    const many = Array.from({ length: 50_000 }, (_, index) => `m${index}`);
    await selection.selectAll({ ...sequence, all: async () => many });
    expect(selection.size).toBe(50_000);
  });

  it('selects nothing of a search that was given up, failed, or was overtaken', async () => {
    let answer: (ids: string[]) => void = () => undefined;
    const slow: Sequence = {
      ...sequence,
      all: (work) => {
        work.progress(10, 30);
        return new Promise((done) => (answer = done));
      },
    };
    const given = selection.selectAll(slow);
    expect(selection.gathering).toEqual({ done: 10, of: 30 });
    selection.stop();
    expect(selection.gathering).toBeUndefined();
    answer(ids);
    await given;
    expect(selection.size).toBe(0);

    const overtaken = selection.selectAll(slow);
    selection.toggle('p7');
    answer(ids);
    await overtaken;
    expect(chosen()).toBe('p7');

    await expect(selection.selectAll({ ...sequence, all: () => Promise.reject(new Error('lost')) })).rejects.toThrow('lost');
    expect(chosen()).toBe('p7');
    expect(selection.gathering).toBeUndefined();
  });
});
