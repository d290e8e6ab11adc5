// A sheet that a finger pulls down to close. Only from its top: while there is something to scroll back to, a finger scrolls.
const CLOSE_PX = 96;
const FLICK = 0.5;

export class Sheet {
  /** How far it is pulled down, in CSS pixels. */
  offset = $state(0);
  dragged = $state(false);
  #onclose: () => void;
  #start: { y: number; time: number } | undefined;

  constructor(onclose: () => void) {
    this.#onclose = onclose;
  }

  /** A Svelte action for the element that scrolls. On a wide screen it lies beside the photo and stays where it is. */
  attach = (element: HTMLElement) => {
    const start = (event: TouchEvent) => {
      const [touch] = event.touches;
      const free = event.touches.length === 1 && element.scrollTop <= 0 && getComputedStyle(element).position === 'absolute';
      const typing = event.target instanceof Element && event.target.closest('input, textarea, select') !== null;
      this.#start = touch && free && !typing ? { y: touch.clientY, time: event.timeStamp } : undefined;
    };
    const move = (event: TouchEvent) => {
      const by = (event.touches[0]?.clientY ?? 0) - (this.#start?.y ?? Infinity);
      // What begins upwards is a scroll to its end.
      if (this.#start && !this.dragged && by < 0) this.#start = undefined;
      if (!this.#start || by <= 0) return void (this.offset = 0);
      // While the scroll before it still runs, a browser lets nobody take the finger; there is nothing left to scroll.
      if (event.cancelable) event.preventDefault();
      this.dragged = true;
      this.offset = by;
    };
    const end = (event: TouchEvent) => {
      const speed = this.#start ? this.offset / Math.max(1, event.timeStamp - this.#start.time) : 0;
      const close = event.type === 'touchend' && this.dragged && (this.offset > CLOSE_PX || (speed > FLICK && this.offset > 24));
      this.#start = undefined;
      this.dragged = false;
      if (close) this.#onclose();
      else this.offset = 0;
    };
    element.addEventListener('touchstart', start, { passive: true });
    element.addEventListener('touchmove', move, { passive: false });
    element.addEventListener('touchend', end);
    element.addEventListener('touchcancel', end);
    return {
      destroy: () => {
        element.removeEventListener('touchstart', start);
        element.removeEventListener('touchmove', move);
        element.removeEventListener('touchend', end);
        element.removeEventListener('touchcancel', end);
      },
    };
  };
}
