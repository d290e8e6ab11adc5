// What a person looks for, as text and as its parts. The text is the address of a search and what stands in the field, so
// both directions are here and agree: words, and filters such as `camera:pixel`, `album:"Summer"` or `2024-05`.

export type SearchKind = 'photo' | 'video' | 'live' | 'other';

export interface Search {
  /** Each must occur. They hold no spaces and no quotation marks. */
  words: string[];
  /** Days, both included. */
  from?: string;
  to?: string;
  kind?: SearchKind;
  camera?: string;
  /** An album's title, or its id where titles would not tell. */
  album?: string;
  favourite?: true;
  located?: true;
  near?: { latitude: number; longitude: number };
  /** How near, in kilometres; nothing means what the server calls near. */
  withinKm?: number;
}

export interface Reading {
  search: Search;
  /** What looked like a filter and could not be understood, as it was typed. */
  unclear: string[];
}

/** `key:value`, `key:"a value"`, `"words"` or a bare word; a quotation mark that nothing closes reaches to the end. */
const TOKEN = /([\p{L}]+):"([^"]*)"?|"([^"]*)"?|([^\s"]+)/gu;
const KINDS = new Map<string, SearchKind>([
  ['photo', 'photo'],
  ['photos', 'photo'],
  ['video', 'video'],
  ['videos', 'video'],
  ['live', 'live'],
  ['other', 'other'],
]);

export function readSearch(text: string): Reading {
  const reading: Reading = { search: { words: [] }, unclear: [] };
  for (const [whole, key, quotedValue, quoted, bare = ''] of text.matchAll(TOKEN)) {
    if (quoted !== undefined) reading.search.words.push(...spaced(quoted));
    else if (key !== undefined && quotedValue !== undefined) readFilter(reading, whole, key, quotedValue);
    else readBare(reading, bare);
  }
  const { search } = reading;
  if (search.withinKm !== undefined && !search.near) {
    reading.unclear.push(`within:${search.withinKm}km`);
    delete search.withinKm;
  }
  return reading;
}

function readBare(reading: Reading, bare: string): void {
  const days = daysOf(bare);
  const [, key, value] = /^(\p{L}+):(.*)$/u.exec(bare) ?? [];
  if (days) Object.assign(reading.search, days);
  else if (key !== undefined && value !== undefined) readFilter(reading, bare, key, value);
  else reading.search.words.push(bare);
}

function readFilter(reading: Reading, whole: string, name: string, written: string): void {
  const value = spaced(written).join(' ');
  const read = filters.get(name.toLowerCase());
  // Some file names have a colon too.
  if (!read) reading.search.words.push(...spaced(whole.replaceAll('"', ' ')));
  else if (!read(reading.search, value)) reading.unclear.push(whole);
}

/** Sets one filter; false when the value makes no sense. */
const filters = new Map<string, (search: Search, value: string) => boolean>([
  ['from', (search, value) => sets(search, 'from', daysOf(value)?.from)],
  ['to', (search, value) => sets(search, 'to', daysOf(value)?.to)],
  ['kind', (search, value) => sets(search, 'kind', KINDS.get(value.toLowerCase()))],
  ['camera', (search, value) => sets(search, 'camera', value || undefined)],
  ['album', (search, value) => sets(search, 'album', value || undefined)],
  ['is', (search, value) => readIs(search, value.toLowerCase())],
  ['near', (search, value) => sets(search, 'near', placeOf(value))],
  ['within', (search, value) => sets(search, 'withinKm', kilometresOf(value))],
]);

function sets<K extends keyof Search>(search: Search, key: K, value: Search[K] | undefined): boolean {
  if (value === undefined) return false;
  search[key] = value;
  return true;
}

function readIs(search: Search, value: string): boolean {
  if (value === 'favourite' || value === 'favorite') return sets(search, 'favourite', true);
  if (value === 'located') return sets(search, 'located', true);
  return value === 'live' && sets(search, 'kind', 'live');
}

/** The first and the last day of `2024`, `2024-05` or `2024-05-31`. */
function daysOf(text: string): { from: string; to: string } | undefined {
  const [, year = '', month, day] = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/.exec(text) ?? [];
  // Four digits are more often a number in a file's name than a year of another century.
  if (year === '' || (month === undefined && !/^(19|20)/.test(year)) || year === '0000') return undefined;
  if (month === undefined) return { from: `${year}-01-01`, to: `${year}-12-31` };
  if (day === undefined) {
    const last = lastDay(Number(year), Number(month));
    return last === undefined ? undefined : { from: `${year}-${month}-01`, to: `${year}-${month}-${last}` };
  }
  const last = lastDay(Number(year), Number(month));
  return last !== undefined && day >= '01' && Number(day) <= last ? { from: text, to: text } : undefined;
}

function lastDay(year: number, month: number): number | undefined {
  if (month < 1 || month > 12) return undefined;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function placeOf(text: string): Search['near'] {
  const [, first, second] = /^(-?\d{1,3}(?:\.\d+)?)\s?,\s?(-?\d{1,3}(?:\.\d+)?)$/.exec(text) ?? [];
  const [latitude, longitude] = [metre(Number(first ?? NaN)), metre(Number(second ?? NaN))];
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : undefined;
}

/** Degrees to about a metre, so that they are written as they were read. */
const metre = (degrees: number): number => Number(degrees.toFixed(5)) + 0;

function kilometresOf(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s?(km|m)?$/i.exec(text) ?? [];
  const km = unit?.toLowerCase() === 'm' ? Number(amount) / 1000 : Number(amount ?? NaN);
  return km >= 0.01 && km <= 1000 ? km : undefined;
}

const spaced = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** The text of a search: the inverse of {@link readSearch}. */
export function writeSearch(search: Search): string {
  const parts = search.words.map((word) => (isPlain(word) ? word : `"${word}"`));
  parts.push(...writeDays(search.from, search.to));
  if (search.kind) parts.push(`kind:${search.kind}`);
  if (search.camera) parts.push(`camera:${quoted(search.camera)}`);
  if (search.album) parts.push(`album:${quoted(search.album)}`);
  if (search.favourite) parts.push('is:favourite');
  if (search.located) parts.push('is:located');
  if (search.near) parts.push(`near:${search.near.latitude},${search.near.longitude}`);
  if (search.near && search.withinKm !== undefined) parts.push(`within:${search.withinKm}km`);
  return parts.join(' ');
}

/** Whether a word is one without quotation marks around it. */
function isPlain(word: string): boolean {
  const key = /^(\p{L}+):/u.exec(word)?.[1]?.toLowerCase();
  return (key === undefined || !filters.has(key)) && daysOf(word) === undefined;
}

const quoted = (value: string): string => (/\s/.test(value) ? `"${value}"` : value);

function writeDays(from: string | undefined, to: string | undefined): string[] {
  const short = shortDays(from, to);
  if (short !== undefined) return [short];
  return [...(from === undefined ? [] : [`from:${from}`]), ...(to === undefined ? [] : [`to:${to}`])];
}

/** `2024`, `2024-05` or `2024-05-31`, if these days are just that. */
export function shortDays(from: string | undefined, to: string | undefined): string | undefined {
  if (from === undefined || to === undefined) return undefined;
  return [from.slice(0, 4), from.slice(0, 7), from].find((text) => {
    const days = daysOf(text);
    return days?.from === from && days.to === to;
  });
}

export function isEmpty(search: Search): boolean {
  return writeSearch(search) === '';
}

/** The search for what was taken around a place. */
export function searchNear(place: { latitude: number; longitude: number }): string {
  const near = { latitude: metre(place.latitude), longitude: metre(place.longitude) };
  return writeSearch({ words: [], near, withinKm: 1 });
}
