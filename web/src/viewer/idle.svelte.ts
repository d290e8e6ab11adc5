// Hides the viewer's buttons while a mouse rests. It never hides them from a keyboard or a screen reader: only a mouse that
// moved starts the clock, and any key or focus brings them back for good. A finger shows and hides them by a tap.
const REST_MS = 3_000;

export class Idle {
  hidden = $state(false);
  #keep: () => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** While `keep` says so, nothing is hidden. */
  constructor(keep: () => boolean) {
    this.#keep = keep;
    $effect(() => () => clearTimeout(this.#timer));
  }

  moved(event: PointerEvent): void {
    if (event.pointerType !== 'mouse') return;
    this.show();
    this.#timer = setTimeout(() => (this.hidden = !this.#keep()), REST_MS);
  }

  tapped(): void {
    clearTimeout(this.#timer);
    this.hidden = !this.hidden && !this.#keep();
  }

  show(): void {
    clearTimeout(this.#timer);
    this.hidden = false;
  }
}
