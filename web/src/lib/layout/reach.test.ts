import { describe, expect, it } from 'vitest';
import { atFalseEdge, LONGEST, restingBase } from './reach';

const VIEW = 900;

describe('the cut of a long page', () => {
  it('is the whole page while that is short', () => {
    for (const height of [0, 500, 30_000, LONGEST]) {
      for (const top of [0, Math.max(0, height - VIEW)]) {
        expect(restingBase(0, top, VIEW, height)).toBe(0);
        expect(atFalseEdge(0, top, VIEW, height)).toBe(false);
        // Shifted while it moved, it comes back.
        expect(restingBase(37, top, VIEW, height)).toBe(0);
      }
    }
  });

  it('reaches every place of a page of any height, never comes near an edge that is none, and moves seldom', () => {
    const height = 50_000_000;
    let base = 0;
    let moves = 0;
    for (let top = 0; top <= height - VIEW; top += 5_000) {
      if (atFalseEdge(base, top, VIEW, height)) {
        base = restingBase(base, top, VIEW, height);
        moves++;
      }
      expect(top - base).toBeGreaterThanOrEqual(0);
      expect(top + VIEW - base).toBeLessThanOrEqual(LONGEST);
      expect(atFalseEdge(base, top, VIEW, height)).toBe(false);
    }
    expect(base).toBe(height - LONGEST);
    expect(moves).toBeGreaterThan(0);
    expect(moves).toBeLessThan(40);
  });

  it('keeps its place when it may, and takes any leap', () => {
    const height = 20_000_000;
    const base = restingBase(0, 10_000_000, VIEW, height);
    expect(restingBase(base, 10_100_000, VIEW, height)).toBe(base);
    expect(restingBase(base, 0, VIEW, height)).toBe(0);
    expect(restingBase(base, height - VIEW, VIEW, height)).toBe(height - LONGEST);
  });
});
