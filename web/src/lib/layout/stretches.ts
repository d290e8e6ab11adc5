// Cuts a timeline's days into stretches: what is fetched by one request and laid out as one piece, so that a timeline of
// any length costs only what is on screen.
import type { TimelineDay } from '../api/types';

export interface Stretch {
  /** The index of the first day, and one past the last. */
  from: number;
  to: number;
  /** How many assets its days have together. */
  count: number;
  newest: string;
  oldest: string;
}

/** Stretches of whole days with about `most` assets each; a day with more stands alone. */
export function cutIntoStretches(days: readonly TimelineDay[], most = 300): Stretch[] {
  const stretches: Stretch[] = [];
  let open: Stretch | undefined;
  days.forEach(({ day, count }, index) => {
    if (open && open.count + count <= most) {
      open.to = index + 1;
      open.count += count;
      open.oldest = day;
    } else {
      open = { from: index, to: index + 1, count, newest: day, oldest: day };
      stretches.push(open);
    }
  });
  return stretches;
}

/** The index of the last entry whose top is at or above `y`, for tops in rising order; 0 when there is none. */
export function indexAt(tops: ArrayLike<number>, y: number): number {
  let low = 0;
  let high = tops.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((tops[middle] ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The index of a day among days that run from the newest to the oldest; where it is absent, of the next older one. */
export function indexOfDay(days: readonly TimelineDay[], day: string): number {
  let [low, high] = [0, days.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((days[middle]?.day ?? '') > day) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The stretch that has the day with that index. */
export function stretchAt(stretches: readonly Stretch[], index: number): Stretch | undefined {
  let [low, high] = [0, stretches.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((stretches[middle]?.to ?? 0) <= index) low = middle + 1;
    else high = middle;
  }
  return stretches[low];
}
