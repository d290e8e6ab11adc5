// The days of a search as a person reads them.
import { longDay, monthName } from '../format';
import { t } from '../i18n/i18n.svelte';
import { shortDays } from './query';

export function daysName(language: string, from: string | undefined, to: string | undefined): string {
  const short = shortDays(from, to);
  if (short?.length === 4) return yearName(language, short);
  if (short?.length === 7) return monthName(language, `${short}-01`);
  if (short !== undefined) return longDay(language, short);
  if (from !== undefined && to !== undefined) return t('search.between', { from: longDay(language, from), to: longDay(language, to) });
  if (from !== undefined) return t('search.since', { day: longDay(language, from) });
  return to === undefined ? t('search.anyTime') : t('search.until', { day: longDay(language, to) });
}

function yearName(language: string, year: string): string {
  return new Intl.DateTimeFormat(language, { timeZone: 'UTC', year: 'numeric' }).format(new Date(`${year}-07-01T00:00:00Z`));
}
