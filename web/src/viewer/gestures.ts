// Fingers and mouse on the viewer's stage, told apart: one that drags, two that pinch, two quick taps. It knows nothing of
// pictures.
import type { Point } from './zoom';

export interface Listener {
  begin(): void;
  drag(by: { step: Point; total: Point }): void;
  /** Two fingers came closer or went apart about a point, measured from the stage's middle. */
  pinch(factor: number, at: Point): void;
  end(total: Point, speed: Point): void;
  doubleTap(at: Point): void;
}

const DOUBLE_TAP_MS = 320;
const STILL_PX = 8;
const NOTHING: Point = { x: 0, y: 0 };

export class Gestures {
  #listener: Listener;
  #fingers = new Map<number, Point>();
  #start: Point = NOTHING;
  #startedAt = 0;
  #last: Point = NOTHING;
  #pinched = false;
  #tappedAt = -Infinity;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** A Svelte action: listens on the stage. */
  attach = (stage: HTMLElement) => {
    const handlers: [string, (event: PointerEvent) => void][] = [
      ['pointerdown', (event) => this.#down(event, stage)],
      ['pointermove', (event) => this.#move(event, stage)],
      ['pointerup', (event) => this.#up(event, stage)],
      ['pointercancel', (event) => this.#up(event, stage)],
    ];
    for (const [name, handle] of handlers) stage.addEventListener(name, handle as EventListener);
    return {
      destroy: () => {
        for (const [name, handle] of handlers) stage.removeEventListener(name, handle as EventListener);
      },
    };
  };

  #down(event: PointerEvent, stage: HTMLElement): void {
    // A video's own controls, and links, keep their clicks.
    if (event.button !== 0 || (event.target as Element).closest('video, a, button')) return;
    stage.setPointerCapture(event.pointerId);
    const point = { x: event.clientX, y: event.clientY };
    this.#fingers.set(event.pointerId, point);
    if (this.#fingers.size > 1) return;
    this.#start = this.#last = point;
    this.#startedAt = event.timeStamp;
    this.#pinched = false;
    this.#listener.begin();
  }

  #move(event: PointerEvent, stage: HTMLElement): void {
    if (!this.#fingers.has(event.pointerId)) return;
    const before = [...this.#fingers.values()];
    const point = { x: event.clientX, y: event.clientY };
    this.#fingers.set(event.pointerId, point);
    const [first, second] = [...this.#fingers.values()];
    if (first && second) {
      this.#pinched = true;
      const grown = distance(first, second) / Math.max(1, distance(before[0] ?? first, before[1] ?? second));
      this.#listener.pinch(grown, fromMiddle({ x: (first.x + second.x) / 2, y: (first.y + second.y) / 2 }, stage));
    } else if (!this.#pinched) {
      this.#listener.drag({ step: less(point, this.#last), total: less(point, this.#start) });
      this.#last = point;
    }
  }

  #up(event: PointerEvent, stage: HTMLElement): void {
    if (!this.#fingers.delete(event.pointerId) || this.#fingers.size > 0) return;
    const point = { x: event.clientX, y: event.clientY };
    const total = this.#pinched ? NOTHING : less(point, this.#start);
    const time = Math.max(1, event.timeStamp - this.#startedAt);
    this.#listener.end(total, { x: total.x / time, y: total.y / time });
    if (!this.#pinched && Math.hypot(total.x, total.y) < STILL_PX) this.#tap(event.timeStamp, fromMiddle(point, stage));
  }

  #tap(at: number, point: Point): void {
    const twice = at - this.#tappedAt < DOUBLE_TAP_MS;
    this.#tappedAt = twice ? -Infinity : at;
    if (twice) this.#listener.doubleTap(point);
  }
}

const less = (a: Point, b: Point): Point => ({ x: a.x - b.x, y: a.y - b.y });
const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

function fromMiddle(point: Point, stage: HTMLElement): Point {
  const bounds = stage.getBoundingClientRect();
  return { x: point.x - bounds.left - bounds.width / 2, y: point.y - bounds.top - bounds.height / 2 };
}
