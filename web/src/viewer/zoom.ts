// The arithmetic of looking closer: a picture fitted into the stage, scaled about a point, and never pushed out of sight.
// Pure: points are in CSS pixels from the stage's middle.
export interface Size {
  width: number;
  height: number;
}
export interface Point {
  x: number;
  y: number;
}
/** How the fitted picture is moved and scaled; `scale` 1 is fitted. */
export interface View extends Point {
  scale: number;
}

export const FITTED: View = { scale: 1, x: 0, y: 0 };
export const MOST = 8;

/** The largest size of that ratio within the stage, not beyond `most` when the picture's own size is known. */
export function fit(ratio: number, stage: Size, most?: Size): Size {
  const byWidth = stage.width / ratio <= stage.height;
  const width = byWidth ? stage.width : stage.height * ratio;
  const limit = most && most.width > 0 ? Math.min(1, most.width / width) : 1;
  return { width: width * limit, height: (width / ratio) * limit };
}

/** Scales by `factor` so that what is under `at` stays there. */
export function zoomAt(view: View, factor: number, at: Point, box: Size, stage: Size): View {
  const scale = Math.min(MOST, Math.max(1, view.scale * factor));
  const real = scale / view.scale;
  return hold({ scale, x: at.x - (at.x - view.x) * real, y: at.y - (at.y - view.y) * real }, box, stage);
}

export function pan(view: View, by: Point, box: Size, stage: Size): View {
  return hold({ ...view, x: view.x + by.x, y: view.y + by.y }, box, stage);
}

/** Keeps the picture over the stage: centred where it is smaller, edge to edge where it is larger. */
function hold(view: View, box: Size, stage: Size): View {
  const most = (inner: number, outer: number) => Math.max(0, (inner * view.scale - outer) / 2);
  const [x, y] = [most(box.width, stage.width), most(box.height, stage.height)];
  return { scale: view.scale, x: clamp(view.x, -x, x), y: clamp(view.y, -y, y) };
}

function clamp(value: number, least: number, most: number): number {
  // Adding 0 turns the -0 of an empty range into 0.
  return Math.min(most, Math.max(least, value)) + 0;
}

export type Meaning = 'next' | 'previous' | 'close' | 'details' | 'nothing';

/** What a finished drag of a fitted picture means, from how far and how fast (pixels per millisecond) it went. A flick that
    turns back means nothing. */
export function dragMeans(by: Point, speed: Point, stage: Size): Meaning {
  const across = Math.abs(by.x) > Math.abs(by.y);
  const [way, flick, edge] = across ? [by.x, speed.x, stage.width / 4] : [by.y, speed.y, stage.height / 5];
  const far = Math.abs(way) > edge && way * flick >= 0;
  const fast = Math.abs(flick) > 0.4 && Math.abs(way) > 24 && way * flick > 0;
  if (!far && !fast) return 'nothing';
  if (across) return way < 0 ? 'next' : 'previous';
  return way > 0 ? 'close' : 'details';
}
