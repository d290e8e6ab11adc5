// Fingers and mouse on the viewer's stage, told apart: one that drags, two that pinch, taps, and a press that is held. It
// knows nothing of pictures. Points are in CSS pixels from the stage's middle, times in milliseconds.
import type { Point } from './zoom';

/** What a pointer did, as far as gestures care. */
export interface Sample {
  id: number;
  at: Point;
  time: number;
  /** A mouse drags what is zoomed, but neither swipes nor presses. */
  mouse: boolean;
}

export interface Drag {
  step: Point;
  total: Point;
  mouse: boolean;
}

export interface Listener {
  begin(): void;
  drag(by: Drag): void;
  /** Two fingers came closer or went apart about a point, which itself moved by `step`. */
  pinch(factor: number, at: Point, step: Point): void;
  /** The last finger is gone. `total` and `speed` (pixels a millisecond) are nothing after a pinch. */
  end(total: Point, speed: Point, mouse: boolean): void;
  tap(at: Point, mouse: boolean): void;
  doubleTap(at: Point): void;
  /** A finger rests in one place; `release` follows. */
  press(): void;
  release(): void;
}

export const DOUBLE_TAP_MS = 300;
export const PRESS_MS = 380;
/** A finger that moved less has not moved. */
const STILL_PX = 8;
/** The second tap of two is near the first. */
const NEAR_PX = 40;
/** How far back one looks for the speed of a flick. */
const FLICK_MS = 100;
const NOTHING: Point = { x: 0, y: 0 };

export class Gestures {
  #listener: Listener;
  #fingers = new Map<number, Point>();
  #start: Point = NOTHING;
  #trail: { at: Point; time: number }[] = [];
  #pinched = false;
  #moved = false;
  #mouse = false;
  #held = false;
  #hold: ReturnType<typeof setTimeout> | undefined;
  #tapped: { at: Point; time: number } | undefined;
  #tapTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  down({ id, at, time, mouse }: Sample): void {
    this.#fingers.set(id, at);
    if (this.#fingers.size > 1) return this.#letGo();
    this.#start = at;
    this.#trail = [{ at, time }];
    this.#pinched = this.#moved = this.#held = false;
    this.#mouse = mouse;
    this.#listener.begin();
    if (mouse) return;
    this.#hold = setTimeout(() => {
      this.#held = true;
      this.#listener.press();
    }, PRESS_MS);
  }

  move({ id, at, time }: Sample): void {
    const before = this.#fingers.get(id);
    if (!before) return;
    const [first, second] = [...this.#fingers.values()];
    this.#fingers.set(id, at);
    const [one, two] = [...this.#fingers.values()];
    if (first && second && one && two) {
      this.#pinched = true;
      const [old, now] = [middle(first, second), middle(one, two)];
      this.#listener.pinch(distance(one, two) / Math.max(1, distance(first, second)), now, less(now, old));
      return;
    }
    this.#trail = [...this.#trail.filter((point) => time - point.time <= FLICK_MS), { at, time }];
    if (!this.#moved && distance(at, this.#start) < STILL_PX) return;
    this.#letGo();
    const step = this.#moved ? less(at, before) : less(at, this.#start);
    this.#moved = true;
    this.#listener.drag({ step, total: this.#pinched ? NOTHING : less(at, this.#start), mouse: this.#mouse });
  }

  up({ id, at, time }: Sample): void {
    if (!this.#fingers.delete(id)) return;
    const [left] = this.#fingers.values();
    // One finger of a pinch stays: it goes on as a drag from where it is.
    if (left) {
      this.#start = left;
      this.#moved = true;
      return;
    }
    const held = this.#held;
    this.#letGo();
    const total = this.#pinched || !this.#moved ? NOTHING : less(at, this.#start);
    this.#listener.end(total, total === NOTHING ? NOTHING : this.#speed(at, time), this.#mouse);
    if (!this.#pinched && !this.#moved && !held) this.#tap(at, time);
  }

  /** The browser took the pointer for itself: whatever was begun is taken back. */
  cancel(id: number): void {
    if (!this.#fingers.delete(id) || this.#fingers.size > 0) return;
    this.#letGo();
    this.#listener.end(NOTHING, NOTHING, this.#mouse);
  }

  follows(id: number): boolean {
    return this.#fingers.has(id);
  }

  /** No tap or press that waits is told any more. */
  stop(): void {
    this.#fingers.clear();
    clearTimeout(this.#tapTimer);
    this.#letGo();
  }

  #letGo(): void {
    clearTimeout(this.#hold);
    if (this.#held) this.#listener.release();
    this.#held = false;
  }

  #speed(at: Point, time: number): Point {
    const from = this.#trail.find((point) => time - point.time <= FLICK_MS) ?? { at, time };
    const took = Math.max(1, time - from.time);
    return { x: (at.x - from.at.x) / took, y: (at.y - from.at.y) / took };
  }

  #tap(at: Point, time: number): void {
    clearTimeout(this.#tapTimer);
    const first = this.#tapped;
    this.#tapped = undefined;
    if (first && time - first.time < DOUBLE_TAP_MS && distance(at, first.at) < NEAR_PX) return this.#listener.doubleTap(at);
    this.#tapped = { at, time };
    const mouse = this.#mouse;
    this.#tapTimer = setTimeout(() => this.#listener.tap(at, mouse), DOUBLE_TAP_MS);
  }
}

/** A Svelte action: the stage's pointers become gestures. `ignores` names what keeps its own. */
export function pointers(stage: HTMLElement, { gestures, ignores }: { gestures: Gestures; ignores: (event: PointerEvent) => boolean }) {
  const sample = (event: PointerEvent): Sample => ({
    id: event.pointerId,
    at: fromMiddle(event, stage),
    time: event.timeStamp,
    mouse: event.pointerType === 'mouse',
  });
  const down = (event: PointerEvent) => {
    if (event.button !== 0 || ignores(event)) return;
    gestures.down(sample(event));
  };
  const move = (event: PointerEvent) => {
    gestures.move(sample(event));
    // Not before it moves: a click on a video is the video's.
    if (gestures.follows(event.pointerId) && !stage.hasPointerCapture(event.pointerId)) stage.setPointerCapture(event.pointerId);
  };
  const up = (event: PointerEvent) => gestures.up(sample(event));
  const cancel = (event: PointerEvent) => gestures.cancel(event.pointerId);
  const handlers = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: cancel };
  const all = Object.entries(handlers) as [string, EventListener][];
  for (const [name, handle] of all) stage.addEventListener(name, handle);
  return {
    destroy: () => {
      for (const [name, handle] of all) stage.removeEventListener(name, handle);
      gestures.stop();
    },
  };
}

export function fromMiddle(point: { clientX: number; clientY: number }, stage: HTMLElement): Point {
  const bounds = stage.getBoundingClientRect();
  return { x: point.clientX - bounds.left - bounds.width / 2, y: point.clientY - bounds.top - bounds.height / 2 };
}

const less = (a: Point, b: Point): Point => ({ x: a.x - b.x, y: a.y - b.y });
const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);
