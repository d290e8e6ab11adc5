// Where the grid is scrolled to, in the model's own pixels, whatever the browser's scroll bar says. What one looks at stays
// where it is when the content above it changes: while the page moves the cut shifts (see reach.ts), because a scroll
// position that is set would end a fling; and at rest the position is set.
import { atFalseEdge, LONGEST, restingBase } from './reach';

/** After so many milliseconds without a scroll it is at rest. */
const REST_MS = 140;
/** Faster than so many screens a second nothing can be seen of single pictures. */
const FAST_SCREENS = 7;
const LEAST_MS = 16;

export class Scroll {
  /** The model's height at the upper edge of the view; less than 0 while something above the content is seen. */
  top = $state(0);
  viewHeight = $state(0);
  /** Where the cut begins. */
  base = $state(0);
  /** So fast that fetching what passes is of no use. */
  fast = $state(false);
  /** Moving now. */
  moving = $state(false);

  #height = 0;
  #view: HTMLElement | undefined;
  #content: HTMLElement | undefined;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #last = { top: 0, at: -Infinity };

  /** Begins with the element that scrolls, and the one in it that is as high as the cut. */
  attach(view: HTMLElement, content: HTMLElement): void {
    this.#view = view;
    this.#content = content;
    this.measure();
  }

  detach(): void {
    clearTimeout(this.#rest);
    this.#view = undefined;
    this.#content = undefined;
  }

  measure(): void {
    this.viewHeight = this.#view?.clientHeight ?? 0;
  }

  /** How high the cut is. */
  static lengthOf(height: number): number {
    return Math.min(height, LONGEST);
  }

  /** The furthest that can be scrolled to. */
  get end(): number {
    const below = (this.#view?.scrollHeight ?? 0) - this.#above - Scroll.lengthOf(this.#height);
    return Math.max(0, this.#height + below - this.viewHeight);
  }

  /** The browser scrolled. */
  follow(): void {
    const view = this.#view;
    if (!view) return;
    this.top = view.scrollTop - this.#above + this.base;
    if (atFalseEdge(this.base, this.top, this.viewHeight, this.#height)) this.#place(this.top);
    this.#feel();
  }

  to(top: number): void {
    this.#place(Math.min(this.end, Math.max(-this.#above, top)));
    this.#feel();
  }

  /** The content will be so high, and what was at the view's upper edge will be at `top`, if it is anywhere: said before it is drawn. */
  keep(height: number, top: number | undefined): void {
    this.#height = height;
    if (!this.#view || top === undefined) return;
    this.base += top - this.top;
    this.top = top;
  }

  /** The content has been drawn. */
  drawn(): void {
    if (!this.moving) this.#settle();
    else if (atFalseEdge(this.base, this.top, this.viewHeight, this.#height)) this.#place(this.top);
  }

  get #above(): number {
    return this.#content?.offsetTop ?? 0;
  }

  #place(top: number): void {
    const view = this.#view;
    if (!view) return;
    this.base = restingBase(this.base, top, this.viewHeight, this.#height);
    view.scrollTop = top - this.base + this.#above;
    this.top = view.scrollTop - this.#above + this.base;
  }

  #feel(): void {
    const at = performance.now();
    const passed = at - this.#last.at;
    const speed = passed > REST_MS ? 0 : (Math.abs(this.top - this.#last.top) * 1000) / Math.max(LEAST_MS, passed);
    this.#last = { top: this.top, at };
    this.fast = speed > FAST_SCREENS * Math.max(1, this.viewHeight);
    this.moving = true;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#settle(), REST_MS);
  }

  #settle(): void {
    this.fast = false;
    this.moving = false;
    if (restingBase(this.base, this.top, this.viewHeight, this.#height) !== this.base) this.#place(this.top);
  }
}
