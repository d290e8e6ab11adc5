// How a page of any height scrolls in one that browsers can hold: Chromium and Safari end at some 33 million pixels, Firefox
// at 18, and positions lose their halves long before. A million photos are 50 million pixels high. So what scrolls is a cut of
// the whole that begins at a `base`, and is moved on before an edge of it is reached that is none of the whole.
// Pure arithmetic.

/** The most that scrolls at once. */
export const LONGEST = 4_000_000;
/** So near to an edge the cut is moved: more than any fling goes between two frames. */
const EDGE = 20_000;

const lastBase = (height: number) => Math.max(0, height - LONGEST);

/** Whether the cut has to move now: an edge of it is near that is not the whole's. */
export function atFalseEdge(base: number, top: number, viewHeight: number, height: number): boolean {
  const [before, after] = [top - base, base + Math.min(height, LONGEST) - (top + viewHeight)];
  return (base !== 0 && before < EDGE) || (base !== lastBase(height) && after < EDGE);
}

/** Where the cut should begin when nothing moves: where it does, if it may. */
export function restingBase(base: number, top: number, viewHeight: number, height: number): number {
  const last = lastBase(height);
  const within = base >= 0 && base <= last;
  if (within && !atFalseEdge(base, top, viewHeight, height)) return base;
  return Math.min(last, Math.max(0, Math.round(top - (LONGEST - viewHeight) / 2)));
}
