// Selecting by finger: a long press picks a picture, and moving on without letting go takes all between with it. Near the upper
// or lower edge the page scrolls along. It knows pictures by their `data-asset` and tells what was reached.
import type { Action } from 'svelte/action';

const LONG_PRESS_MS = 450;
/** A finger that moves further than this before the time is over wants to scroll. */
const STILL_PX = 10;
const EDGE_PX = 72;
const FASTEST_PX = 22;

export interface TouchSelect {
  /** Whether there is anything to select. */
  able(): boolean;
  begin(id: string): void;
  reach(id: string): void;
  /** The view whose edges scroll. */
  view(): HTMLElement;
  scrollBy(pixels: number): void;
}

export const touchSelect: Action<HTMLElement, TouchSelect> = (node, options) => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let frame = 0;
  let selecting = false;
  let touching = false;
  let at = { x: 0, y: 0 };
  let reached: string | undefined;

  const idAt = (x: number, y: number) =>
    document.elementFromPoint(x, y)?.closest('.tile')?.querySelector<HTMLElement>('[data-asset]')?.dataset['asset'];

  function start(event: TouchEvent) {
    stop();
    const touch = event.touches[0];
    if (!touch || event.touches.length > 1 || !options?.able()) return;
    touching = true;
    at = { x: touch.clientX, y: touch.clientY };
    const id = idAt(at.x, at.y);
    if (id === undefined) return;
    timer = setTimeout(() => {
      selecting = true;
      reached = id;
      options?.begin(id);
      frame = requestAnimationFrame(scrollAlong);
    }, LONG_PRESS_MS);
  }

  function move(event: TouchEvent) {
    const touch = event.touches[0];
    if (!touch) return;
    if (!selecting) {
      if (Math.hypot(touch.clientX - at.x, touch.clientY - at.y) > STILL_PX) clearTimeout(timer);
      return;
    }
    // From here on the finger selects and does not scroll.
    if (event.cancelable) event.preventDefault();
    at = { x: touch.clientX, y: touch.clientY };
    reach();
  }

  function reach() {
    const id = idAt(at.x, at.y);
    if (id === undefined || id === reached) return;
    reached = id;
    options?.reach(id);
  }

  function scrollAlong() {
    const { top, bottom } = options?.view().getBoundingClientRect() ?? { top: 0, bottom: 0 };
    const over = at.y < top + EDGE_PX ? at.y - top - EDGE_PX : Math.max(0, at.y - bottom + EDGE_PX);
    if (over !== 0) {
      options?.scrollBy(Math.max(-1, Math.min(1, over / EDGE_PX)) * FASTEST_PX);
      reach();
    }
    frame = requestAnimationFrame(scrollAlong);
  }

  function end(event: TouchEvent) {
    touching = false;
    // The press has been answered: no click follows it.
    if (selecting && event.cancelable) event.preventDefault();
    stop();
  }

  function stop() {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    selecting = false;
    reached = undefined;
  }

  /** A long press asks for the menu of a link, too. */
  function menu(event: Event) {
    if (touching) event.preventDefault();
  }

  node.addEventListener('touchstart', start, { passive: true });
  node.addEventListener('touchmove', move, { passive: false });
  node.addEventListener('touchend', end, { passive: false });
  node.addEventListener('touchcancel', end);
  node.addEventListener('contextmenu', menu);
  return { destroy: stop };
};
