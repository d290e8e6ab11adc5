// The months that have photos, newest first: what the scrubber and "go to date" are made of.
import type { TimelineDay } from '../api/types';

export interface Month {
  /** `2024-05`. */
  month: string;
  year: string;
  /** Its newest day. */
  day: string;
  count: number;
}

export function monthsOf(days: readonly TimelineDay[]): Month[] {
  const months: Month[] = [];
  for (const { day, count } of days) {
    const month = day.slice(0, 7);
    const last = months.at(-1);
    if (last?.month === month) last.count += count;
    else months.push({ month, year: day.slice(0, 4), day, count });
  }
  return months;
}

/** The index of a day's month, or of the next older one. */
export function indexOfMonth(months: readonly Month[], day: string): number {
  const month = day.slice(0, 7);
  const index = months.findIndex((one) => one.month <= month);
  return index < 0 ? Math.max(0, months.length - 1) : index;
}

/** Where a step of so many months, or of a year, leads from a month. */
export function stepFrom(months: readonly Month[], index: number, step: 'month' | 'year', older: 1 | -1): number {
  const last = Math.max(0, months.length - 1);
  if (step === 'month') return Math.min(last, Math.max(0, index + older));
  const year = months[index]?.year;
  let next = index;
  while (next !== (older === 1 ? last : 0) && months[next]?.year === year) next += older;
  // Of the year before, its newest month; of the year after, too.
  while (older === -1 && next > 0 && months[next - 1]?.year === months[next]?.year) next--;
  return next;
}
