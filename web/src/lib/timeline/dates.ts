// What people write for a day, a month or a year, and which day with photos that leads to. Pure: language and today are given.
import type { TimelineDay } from '../api/types';
import { indexOfDay } from '../layout/stretches';

/** All days from `oldest` to `newest`; as text, so that a month's last day is simply its 31st. */
export interface Period {
  oldest: string;
  newest: string;
}

/** Reads `2019`, `2019-05`, `May 2019`, `3 May`, `5/3/2019` (in the language's order), `2019년 5월 3일`, `yesterday`. */
export function readPeriod(text: string, language: string, today: string): Period | undefined {
  const plain = text.normalize('NFC').trim().toLowerCase();
  for (const apart of [0, -1]) {
    if (namesOfDay(language, apart).includes(plain)) return periodOfDay(shift(today, apart));
  }
  const koreanMonth = /^(\d{1,2})월$/.exec(plain)?.[1];
  if (koreanMonth !== undefined) return withMonth(Number(koreanMonth), [], today);
  const words = plain.split(/[\s.,/\-–년월일]+|(?<=\d)(?:st|nd|rd|th)\b/u).filter((word) => word !== '' && word !== 'of');
  const months: number[] = [];
  const numbers: string[] = [];
  for (const word of words) {
    if (/^\d+$/.test(word)) numbers.push(word);
    else {
      const month = monthNamed(word, language);
      if (month !== undefined) months.push(month);
      else if (!isWeekday(word, language)) return undefined;
    }
  }
  if (months.length > 1) return undefined;
  return months[0] === undefined ? fromNumbers(numbers, language, today) : withMonth(months[0], numbers, today);
}

/** The day to show for a period: the newest in it, or the nearest to it. */
export function nearestDay(days: readonly TimelineDay[], { newest, oldest }: Period): string | undefined {
  const index = indexOfDay(days, newest);
  const [older, newer] = [days[index]?.day, days[index - 1]?.day];
  if (older !== undefined && older >= oldest) return older;
  if (older === undefined || newer === undefined) return older ?? newer;
  return moment(oldest) - moment(older) <= moment(newer) - moment(newest) ? older : newer;
}

function fromNumbers(numbers: string[], language: string, today: string): Period | undefined {
  const [only = ''] = numbers;
  if (numbers.length === 1) {
    if (only.length === 4) return { oldest: `${only}-01-01`, newest: `${only}-12-31` };
    if (only.length === 6) return periodOfMonth(only.slice(0, 4), Number(only.slice(4)));
    if (only.length === 8) return dayOf(only.slice(0, 4), Number(only.slice(4, 6)), Number(only.slice(6)));
    return undefined;
  }
  const years = numbers.filter((number) => number.length === 4);
  const rest = numbers.filter((number) => number.length < 3).map(Number);
  const [year] = years;
  if (years.length + rest.length !== numbers.length || years.length > 1) return undefined;
  if (rest.length === 1 && year !== undefined) return periodOfMonth(year, rest[0] ?? 0);
  if (rest.length !== 2) return undefined;
  const [first = 0, second = 0] = rest;
  const monthFirst = numbers[0] === year || second > 12 || (first <= 12 && isMonthFirst(language));
  const [month, day] = monthFirst ? [first, second] : [second, first];
  return year === undefined ? lastDay(month, day, today) : dayOf(year, month, day);
}

/** A month by its name, with a day, a year, both or neither; without a year, the last one that has been. */
function withMonth(month: number, numbers: string[], today: string): Period | undefined {
  const year = numbers.find((number) => number.length === 4);
  const rest = numbers.filter((number) => number !== year);
  if (rest.length > 1 || rest.some((number) => number.length > 2)) return undefined;
  if (rest.length === 1) {
    const day = Number(rest[0]);
    return year === undefined ? lastDay(month, day, today) : dayOf(year, month, day);
  }
  if (year !== undefined) return periodOfMonth(year, month);
  const thisYear = Number(today.slice(0, 4));
  return periodOfMonth(String(month > Number(today.slice(5, 7)) ? thisYear - 1 : thisYear), month);
}

/** That day of this year or, if it has yet to come, of the last. */
function lastDay(month: number, day: number, today: string): Period | undefined {
  const year = Number(today.slice(0, 4));
  const period = dayOf(String(year), month, day);
  return period && period.newest > today ? dayOf(String(year - 1), month, day) : period;
}

const two = (value: number) => String(value).padStart(2, '0');
const periodOfDay = (day: string): Period => ({ oldest: day, newest: day });
const moment = (day: string) => Date.UTC(Number(day.slice(0, 4)), Number(day.slice(5, 7)) - 1, Number(day.slice(8)));

function periodOfMonth(year: string, month: number): Period | undefined {
  if (month < 1 || month > 12) return undefined;
  return { oldest: `${year}-${two(month)}-01`, newest: `${year}-${two(month)}-31` };
}

function dayOf(year: string, month: number, day: number): Period | undefined {
  const text = `${year}-${two(month)}-${two(day)}`;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text) ? periodOfDay(text) : undefined;
}

function shift(day: string, by: number): string {
  return new Date(moment(day) + by * 86_400_000).toISOString().slice(0, 10);
}

function namesOfDay(language: string, apart: number): string[] {
  return [language, 'en'].map((one) => new Intl.RelativeTimeFormat(one, { numeric: 'auto' }).format(apart, 'day').toLowerCase());
}

function monthNamed(word: string, language: string): number | undefined {
  for (const one of [language, 'en']) {
    for (let month = 1; month <= 12; month++) {
      const names = (['long', 'short'] as const).map((style) => nameOf(one, { month: style }, Date.UTC(2024, month - 1, 15)));
      if (names.includes(word) || (word.length >= 3 && names[0]?.startsWith(word))) return month;
    }
  }
  return undefined;
}

function isWeekday(word: string, language: string): boolean {
  const days = Array.from({ length: 7 }, (_, index) => Date.UTC(2024, 0, 1 + index));
  const styles = ['long', 'short'] as const;
  return [language, 'en'].some((one) => styles.some((style) => days.some((day) => nameOf(one, { weekday: style }, day) === word)));
}

function nameOf(language: string, options: Intl.DateTimeFormatOptions, at: number): string {
  return new Intl.DateTimeFormat(language, { timeZone: 'UTC', ...options }).format(at).toLowerCase().replace(/\.$/, '');
}

function isMonthFirst(language: string): boolean {
  const parts = new Intl.DateTimeFormat(language).formatToParts(0).map(({ type }) => type);
  return parts.indexOf('month') < parts.indexOf('day');
}
