// Facts as people write them, in the page's language. Pure: the language is an argument, so that tests can name it.
import type { Camera, Captured, Place } from './api/types';

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** A size in decimal units, as disks and phones count: `3.4 MB`. */
export function bytes(language: string, value: number): string {
  // What would be rounded to a thousand is one of the next unit.
  const power = value < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(value * 1.0005) / 3));
  const amount = value / 1000 ** power;
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: UNITS[power] ?? 'byte',
    unitDisplay: power === 0 ? 'long' : 'short',
    maximumFractionDigits: power === 0 || amount >= 100 ? 0 : 1,
  }).format(amount);
}

/** A video's length: `0:07`, `1:02:03`. */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** A time to go: whole seconds, minutes or hours. */
export function timeLeft(language: string, seconds: number): string {
  const [unit, value] = seconds < 60 ? ['second', seconds] : seconds < 3600 ? ['minute', seconds / 60] : ['hour', seconds / 3600];
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: String(unit),
    unitDisplay: 'long',
    maximumFractionDigits: unit === 'hour' ? 1 : 0,
  }).format(Math.max(1, Number(value)));
}

/** How long ago something was, in the largest unit of it: `3 days ago`; a minute at least. */
export function ago(language: string, seconds: number): string {
  const [unit, size] = seconds >= 86_400 ? (['day', 86_400] as const) : seconds >= 3_600 ? (['hour', 3_600] as const) : (['minute', 60] as const);
  return new Intl.RelativeTimeFormat(language).format(-Math.max(1, Math.floor(seconds / size)), unit);
}

/** A day such as `2024-05-31`, read as a moment that only ever is written in UTC. */
function moment(day: string): Date {
  return new Date(`${day}T00:00:00Z`);
}

/** A day's name above its photos; the year only when it is not this one, the weekday only where there is room. */
export function dayName(language: string, day: string, today: string, short = false): string {
  const apart = Math.round((moment(day).getTime() - moment(today).getTime()) / 86_400_000);
  if (apart === 0 || apart === -1) return capitalised(new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(apart, 'day'));
  return new Intl.DateTimeFormat(language, {
    timeZone: 'UTC',
    ...(short ? {} : { weekday: 'short' }),
    day: 'numeric',
    month: 'short',
    ...(day.slice(0, 4) === today.slice(0, 4) ? {} : { year: 'numeric' }),
  }).format(moment(day));
}

/** A moment in this device's time: `14 Mar 2026, 09:26`. */
export function dateTime(language: string, moment: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(moment));
}

/** Its day alone: `14 March 2026`. */
export function date(language: string, moment: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'long' }).format(new Date(moment));
}

/** The same where there is little room: `14 Mar 2026`. */
export function shortDate(language: string, moment: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium' }).format(new Date(moment));
}

export function monthName(language: string, day: string): string {
  return new Intl.DateTimeFormat(language, { timeZone: 'UTC', month: 'short', year: 'numeric' }).format(moment(day));
}

export function longDay(language: string, day: string): string {
  return dayFormat(language, 'long').format(moment(day));
}

/** With its weekday. */
export function fullDay(language: string, day: string): string {
  return dayFormat(language, 'full').format(moment(day));
}

/** A month without its year. */
export function monthAlone(language: string, day: string, style: 'short' | 'long'): string {
  return new Intl.DateTimeFormat(language, { timeZone: 'UTC', month: style }).format(moment(day));
}

/** Made once each: making one takes longer than a hundred days' names, and every tile has one. */
const formats = new Map<string, Intl.DateTimeFormat>();
function dayFormat(language: string, dateStyle: 'long' | 'full'): Intl.DateTimeFormat {
  const key = `${language} ${dateStyle}`;
  const format = formats.get(key) ?? new Intl.DateTimeFormat(language, { timeZone: 'UTC', dateStyle });
  formats.set(key, format);
  return format;
}

/** From one day to another, as short as the language writes it: `3 – 9 May 2024`. */
export function daySpan(language: string, first: string, last: string): string {
  return new Intl.DateTimeFormat(language, { timeZone: 'UTC', dateStyle: 'medium' }).formatRange(moment(first), moment(last));
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** This device's day, as `2024-05-31`. */
export function dayOf(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The wall's date and time where the photo was taken. */
export function captureTime(language: string, captured: Captured): { date: string; time: string } {
  const wall = new Date(`${captured.local}Z`);
  const date = new Intl.DateTimeFormat(language, { timeZone: 'UTC', dateStyle: 'full' }).format(wall);
  const time = new Intl.DateTimeFormat(language, { timeZone: 'UTC', timeStyle: 'medium' }).format(wall);
  return { date, time: captured.offset_minutes == null ? time : `${time} (${utcOffset(captured.offset_minutes)})` };
}

/** `UTC+9`, `UTC−3:30`. */
export function utcOffset(minutes: number): string {
  const [hours, rest] = [Math.trunc(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `UTC${minutes < 0 ? '−' : '+'}${hours}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`}`;
}

/** How the camera was set: `ƒ/1.8 · 1/120 s · 26 mm · ISO 100`; empty when nothing is known. */
export function exposure(language: string, camera: Camera): string {
  const number = (value: number, digits: number) =>
    new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
  const parts: string[] = [];
  if (camera.f_number) parts.push(`ƒ/${number(camera.f_number, 1)}`);
  if (camera.exposure_seconds) parts.push(shutter(camera.exposure_seconds, number));
  if (camera.focal_length_mm) parts.push(`${number(camera.focal_length_mm, 1)} mm`);
  if (camera.iso) parts.push(`ISO ${camera.iso}`);
  return parts.join(' · ');
}

function shutter(seconds: number, number: (value: number, digits: number) => string): string {
  return seconds >= 0.3 ? `${number(seconds, 1)} s` : `1/${Math.round(1 / seconds)} s`;
}

/** The camera's name without its maker twice (`Canon Canon EOS R5`). */
export function cameraName(camera: Camera): string {
  const [make, model] = [camera.make?.trim() ?? '', camera.model?.trim() ?? ''];
  // “NIKON CORPORATION” makes the “NIKON D1X”.
  const [brand = ''] = make.toLowerCase().split(' ');
  return model.toLowerCase().startsWith(brand) ? model || make : `${make} ${model}`.trim();
}

/** `37.5665° N, 126.9780° E`. */
export function coordinates(place: Place): string {
  const degrees = (value: number, positive: string, negative: string) =>
    `${Math.abs(value).toFixed(5)}° ${value < 0 ? negative : positive}`;
  return `${degrees(place.latitude, 'N', 'S')}, ${degrees(place.longitude, 'E', 'W')}`;
}

/** `4032 × 3024 · 12.2 MP`. */
export function pixels(language: string, width: number, height: number): string {
  const megapixels = (width * height) / 1e6;
  if (megapixels < 0.05) return `${width} × ${height}`;
  const digits = { maximumFractionDigits: megapixels < 10 ? 1 : 0 };
  return `${width} × ${height} · ${new Intl.NumberFormat(language, digits).format(megapixels)} MP`;
}
