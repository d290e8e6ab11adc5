import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DOUBLE_TAP_MS, Gestures, PRESS_MS, type Listener } from './gestures';

/** What was told, in order, in words. */
let told: string[] = [];
let gestures: Gestures;

const listener: Listener = {
  begin: () => told.push('begin'),
  drag: ({ step, total }) => told.push(`drag ${step.x},${step.y} of ${total.x},${total.y}`),
  pinch: (factor, at, step) => told.push(`pinch ${factor.toFixed(2)} at ${at.x},${at.y} by ${step.x},${step.y}`),
  end: (total, speed) => told.push(`end ${total.x},${total.y} at ${speed.x.toFixed(1)},${speed.y.toFixed(1)}`),
  tap: () => told.push('tap'),
  doubleTap: (at) => told.push(`double tap at ${at.x},${at.y}`),
  press: () => told.push('press'),
  release: () => told.push('release'),
};

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  gestures = new Gestures(listener);
});
afterEach(() => vi.useRealTimers());

const finger = (id: number, x: number, y: number, time: number, mouse = false) => ({ id, at: { x, y }, time, mouse });

function tap(x: number, y: number, time: number) {
  gestures.down(finger(1, x, y, time));
  gestures.up(finger(1, x, y, time + 40));
}

describe('fingers on the stage', () => {
  it('drag, and how fast they left tells a flick', () => {
    gestures.down(finger(1, 0, 0, 0));
    gestures.move(finger(1, 3, 0, 10));
    gestures.move(finger(1, 20, 0, 300));
    gestures.move(finger(1, 60, 0, 350));
    gestures.up(finger(1, 60, 0, 350));
    expect(told).toEqual(['begin', 'drag 20,0 of 20,0', 'drag 40,0 of 60,0', 'end 60,0 at 0.8,0.0']);
  });

  it('that rest before they leave have no speed', () => {
    gestures.down(finger(1, 0, 0, 0));
    gestures.move(finger(1, 60, 0, 50));
    gestures.up(finger(1, 60, 0, 500));
    expect(told.at(-1)).toBe('end 60,0 at 0.0,0.0');
  });

  it('pinch about the point between them, and carry it along', () => {
    gestures.down(finger(1, -10, 0, 0));
    gestures.down(finger(2, 10, 0, 5));
    gestures.move(finger(2, 30, 0, 10));
    gestures.up(finger(2, 30, 0, 20));
    // The one that stays drags on from where it is, and means nothing when it leaves.
    gestures.move(finger(1, 0, 0, 30));
    gestures.up(finger(1, 0, 0, 40));
    expect(told).toEqual(['begin', 'pinch 2.00 at 10,0 by 10,0', 'drag 10,0 of 0,0', 'end 0,0 at 0.0,0.0']);
  });

  it('tap once, told when no second tap came', () => {
    tap(5, 5, 0);
    expect(told).not.toContain('tap');
    vi.advanceTimersByTime(DOUBLE_TAP_MS);
    expect(told.filter((word) => word === 'tap')).toHaveLength(1);
  });

  it('tap twice in one place, and not in two', () => {
    tap(5, 5, 0);
    tap(9, 5, 200);
    vi.advanceTimersByTime(DOUBLE_TAP_MS);
    expect(told.filter((word) => word.includes('tap'))).toEqual(['double tap at 9,5']);
    tap(-200, 0, 1000);
    tap(200, 0, 1100);
    vi.advanceTimersByTime(DOUBLE_TAP_MS);
    expect(told.filter((word) => word.includes('double'))).toHaveLength(1);
  });

  it('press when they rest, until they leave or move, and then do not tap', () => {
    gestures.down(finger(1, 0, 0, 0));
    vi.advanceTimersByTime(PRESS_MS);
    expect(told).toEqual(['begin', 'press']);
    gestures.up(finger(1, 0, 0, 900));
    vi.advanceTimersByTime(DOUBLE_TAP_MS);
    expect(told).toEqual(['begin', 'press', 'release', 'end 0,0 at 0.0,0.0']);

    told = [];
    gestures.down(finger(1, 0, 0, 2000));
    gestures.move(finger(1, 40, 0, 2010));
    vi.advanceTimersByTime(PRESS_MS);
    expect(told).not.toContain('press');
  });

  it('taken away by the browser mean nothing', () => {
    gestures.down(finger(1, 0, 0, 0));
    gestures.move(finger(1, 500, 0, 50));
    gestures.cancel(1);
    gestures.move(finger(1, 900, 0, 60));
    expect(told.at(-1)).toBe('end 0,0 at 0.0,0.0');
  });

  it('of which a mouse presses nothing', () => {
    gestures.down(finger(1, 0, 0, 0, true));
    vi.advanceTimersByTime(PRESS_MS * 2);
    expect(told).toEqual(['begin']);
  });
});
