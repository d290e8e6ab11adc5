// Rows of pictures that fill the width exactly, from their ratios alone, so that nothing moves when a picture arrives.
// Pure arithmetic: it knows no DOM and no asset.

/** One picture's place in its row, in CSS pixels from the row's left end. */
export interface Box {
  left: number;
  width: number;
}

export interface Row {
  /** From the top of whatever the row is part of. */
  top: number;
  height: number;
  /** The index of the row's first picture. */
  first: number;
  boxes: Box[];
}

export interface RowStyle {
  /** The height that rows come close to. */
  height: number;
  /** Between pictures, both ways. */
  gap: number;
}

const NARROWEST = 0.45;
const WIDEST = 3.2;
/** How much taller than wanted a last row may become to fill the width. */
const MOST_GROWTH = 1.3;

/** A ratio as the grid shows it: extremes are cut by `object-fit`, so that a panorama does not flatten its row. */
export function shownRatio(ratio: number): number {
  if (!Number.isFinite(ratio) || ratio <= 0) return 1;
  return Math.min(WIDEST, Math.max(NARROWEST, ratio));
}

/** Breaks pictures into rows, each as near to the wanted height as its neighbours allow. */
export function justify(ratios: readonly number[], width: number, style: RowStyle): { rows: Row[]; height: number } {
  const rows: Row[] = [];
  let top = 0;
  let first = 0;
  while (first < ratios.length) {
    const count = rowCount(ratios, first, width, style);
    const row = placeRow(ratios, first, count, top, width, style);
    rows.push(row);
    top += row.height + style.gap;
    first += count;
  }
  return { rows, height: Math.max(0, top - style.gap) };
}

/** The height at which pictures of these ratios together fill the width. */
function fillingHeight(sum: number, count: number, width: number, gap: number): number {
  return (width - gap * (count - 1)) / sum;
}

function rowCount(ratios: readonly number[], first: number, width: number, style: RowStyle): number {
  let sum = 0;
  let before = Infinity;
  for (let count = 1; first + count <= ratios.length; count++) {
    sum += shownRatio(ratios[first + count - 1] ?? 1);
    const height = fillingHeight(sum, count, width, style.gap);
    if (height <= style.height) {
      const stopEarlier = count > 1 && before - style.height < style.height - height;
      return stopEarlier ? count - 1 : count;
    }
    before = height;
  }
  return ratios.length - first;
}

function placeRow(
  ratios: readonly number[],
  first: number,
  count: number,
  top: number,
  width: number,
  style: RowStyle,
): Row {
  const shown = ratios.slice(first, first + count).map(shownRatio);
  const sum = shown.reduce((total, ratio) => total + ratio, 0);
  const filling = fillingHeight(sum, count, width, style.gap);
  const isLast = first + count === ratios.length;
  const height = isLast && filling > style.height * MOST_GROWTH ? style.height : filling;
  return { top, height, first, boxes: placeBoxes(shown, height, style.gap) };
}

/** Pictures side by side at one height. */
export function placeBoxes(shown: readonly number[], height: number, gap: number): Box[] {
  let left = 0;
  return shown.map((ratio) => {
    const box = { left, width: ratio * height };
    left += box.width + gap;
    return box;
  });
}
