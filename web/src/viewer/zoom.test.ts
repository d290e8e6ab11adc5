import { describe, expect, it } from 'vitest';
import { dragMeans, fit, FITTED, MOST, pan, zoomAt } from './zoom';

const stage = { width: 1000, height: 600 };

describe('the viewer', () => {
  it('fits wide and tall pictures, and does not blow up small ones', () => {
    expect(fit(2, stage)).toEqual({ width: 1000, height: 500 });
    expect(fit(0.5, stage)).toEqual({ width: 300, height: 600 });
    expect(fit(1, stage, { width: 200, height: 200 })).toEqual({ width: 200, height: 200 });
  });

  it('keeps the point under the finger in place', () => {
    const box = fit(1000 / 600, stage);
    const at = { x: 200, y: -100 };
    const view = zoomAt(FITTED, 2, at, box, stage);
    // The picture's point that was at `at` is now at x + 2·at.
    expect(view.x + 2 * at.x).toBeCloseTo(at.x);
    expect(view.y + 2 * at.y).toBeCloseTo(at.y);
  });

  it('never goes below fitted nor above the most, and recentres when fitted', () => {
    const box = fit(1.5, stage);
    const close = zoomAt(FITTED, 100, { x: 300, y: 200 }, box, stage);
    expect(close.scale).toBe(MOST);
    expect(zoomAt(close, 0.001, { x: 10, y: 10 }, box, stage)).toEqual(FITTED);
  });

  it('cannot be pushed out of sight', () => {
    const box = fit(2, stage);
    const view = pan(zoomAt(FITTED, 2, { x: 0, y: 0 }, box, stage), { x: 9999, y: 9999 }, box, stage);
    expect(view).toEqual({ scale: 2, x: 500, y: 200 });
    expect(pan(FITTED, { x: 50, y: 50 }, box, stage)).toEqual(FITTED);
  });

  it('reads a drag', () => {
    expect(dragMeans({ x: -300, y: 10 }, { x: 0, y: 0 }, stage)).toBe('next');
    expect(dragMeans({ x: 40, y: 3 }, { x: 0.9, y: 0 }, stage)).toBe('previous');
    expect(dragMeans({ x: 40, y: 3 }, { x: 0.1, y: 0 }, stage)).toBe('nothing');
    expect(dragMeans({ x: 5, y: 200 }, { x: 0, y: 0 }, stage)).toBe('close');
    expect(dragMeans({ x: 5, y: -200 }, { x: 0, y: 0 }, stage)).toBe('details');
    expect(dragMeans({ x: 2, y: 60 }, { x: 0, y: 0.9 }, stage)).toBe('close');
    expect(dragMeans({ x: 2, y: 60 }, { x: 0, y: 0.1 }, stage)).toBe('nothing');
  });

  it('takes a drag that is flicked back as taken back', () => {
    expect(dragMeans({ x: -300, y: 10 }, { x: 0.8, y: 0 }, stage)).toBe('nothing');
    expect(dragMeans({ x: 5, y: 200 }, { x: 0, y: -0.8 }, stage)).toBe('nothing');
  });
});
