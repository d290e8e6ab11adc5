import { describe, expect, it } from 'vitest';
import * as format from './format';
import { en, type Message } from './i18n/en';
import { chooseLanguage, format as fill, localeFor } from './i18n/i18n.svelte';
import { ko } from './i18n/ko';
import { parseChange } from './live';
import { hrefOf, parseRoute, type Route } from './router.svelte';
import { parseSize, writeSize } from './size';
import { isDue, readSessionNote, renewalOf } from './session/renewal';

describe('languages', () => {
  it('follow the browser, and fall back to English', () => {
    expect(chooseLanguage(['ko-KR', 'en'])).toBe('ko');
    expect(chooseLanguage(['fr', 'ko'])).toBe('ko');
    expect(chooseLanguage(['fr-FR'])).toBe('en');
    expect(chooseLanguage([])).toBe('en');
    expect(localeFor('en', ['ko', 'en-IE', 'en'])).toBe('en-IE');
    expect(localeFor('ko', ['en'])).toBe('ko');
  });

  it('fill places and choose forms', () => {
    const message: Message = { one: '{count} file of {name}', other: '{count} files of {name}' };
    expect(fill('en', message, { count: 1, name: 'x' })).toBe('1 file of x');
    expect(fill('en', message, { count: 1234, name: '{count}' })).toBe('1,234 files of {count}');
    expect(fill('ko', { other: '{count}개' }, { count: 1 })).toBe('1개');
    expect(fill('en', 'no {place}')).toBe('no {place}');
  });

  it('have the same keys', () => {
    expect(Object.keys(ko).sort()).toEqual(Object.keys(en).sort());
  });
});

describe('facts as people write them', () => {
  it('sizes and times', () => {
    expect(format.bytes('en', 0)).toBe('0 bytes');
    expect(format.bytes('en', 3_400_000)).toBe('3.4 MB');
    expect(format.bytes('en', 123_456_789_012)).toBe('123 GB');
    expect(format.bytes('en', 999_788_000_000)).toBe('1 TB');
    expect(format.duration(7_400)).toBe('0:07');
    expect(format.duration(3_723_000)).toBe('1:02:03');
    expect(format.timeLeft('en', 0.2)).toBe('1 second');
    expect(format.timeLeft('en', 150)).toBe('3 minutes');
    expect([-5, 59, 3_599, 86_399, 90 * 86_400].map((seconds) => format.ago('en', seconds))).toEqual([
      '1 minute ago',
      '1 minute ago',
      '59 minutes ago',
      '23 hours ago',
      '90 days ago',
    ]);
    expect(format.ago('ko', 3 * 86_400)).toBe('3일 전');
  });

  it('days, with the year only when it is another', () => {
    expect(format.dayName('en', '2026-11-22', '2026-11-22')).toBe('Today');
    expect(format.dayName('en', '2026-11-21', '2026-11-22')).toBe('Yesterday');
    expect(format.dayName('en-GB', '2026-03-01', '2026-11-22')).toBe('Sun 1 Mar');
    expect(format.dayName('en-GB', '2019-03-01', '2026-11-22')).toContain('2019');
    expect(format.dayName('ko', '2019-03-01', '2026-11-22')).toBe('2019년 3월 1일 (금)');
  });

  it('the camera and the place', () => {
    expect(format.exposure('en', { f_number: 1.8, exposure_seconds: 1 / 120, focal_length_mm: 26, iso: 100 })).toBe(
      'ƒ/1.8 · 1/120 s · 26 mm · ISO 100',
    );
    expect(format.exposure('en', { exposure_seconds: 2.5 })).toBe('2.5 s');
    expect(format.cameraName({ make: 'Canon', model: 'Canon EOS R5' })).toBe('Canon EOS R5');
    expect(format.cameraName({ make: 'Apple', model: 'iPhone 15' })).toBe('Apple iPhone 15');
    expect(format.cameraName({ make: 'NIKON CORPORATION', model: 'NIKON D1X' })).toBe('NIKON D1X');
    expect(format.cameraName({ make: 'Canon', model: null })).toBe('Canon');
    expect(format.cameraName({ make: null, model: 'X100V' })).toBe('X100V');
    expect(format.pixels('en-GB', 4032, 3024)).toBe('4032 × 3024 · 12 MP');
    expect(format.pixels('en-GB', 320, 240)).toBe('320 × 240 · 0.1 MP');
    expect(format.pixels('en-GB', 200, 130)).toBe('200 × 130');
    expect(format.coordinates({ latitude: -33.8568, longitude: 151.2153 })).toBe('33.85680° S, 151.21530° E');
    expect(format.utcOffset(-210)).toBe('UTC−3:30');
    const captured = { at: '', local: '2024-05-31T18:04:05', offset_minutes: 540, source: 'exif' };
    expect(format.captureTime('en-GB', captured).time).toBe('18:04:05 (UTC+9)');
    expect(format.captureTime('en-GB', { ...captured, offset_minutes: null }).time).toBe('18:04:05');
  });
});

describe('sizes that are typed', () => {
  it('are read in decimal units, and written back', () => {
    for (const [text, bytes] of [['50 GB', 5e10], ['1.5tb', 1.5e12], ['0,5 MB', 5e5], ['12', 12], ['7 k', 7000], ['0', 0]] as const) {
      expect(parseSize(text)).toBe(bytes);
      expect(parseSize(writeSize(bytes))).toBe(bytes);
    }
    expect(parseSize(writeSize(123_456_789))).toBe(123_456_789);
    expect([parseSize(''), parseSize('  '), writeSize(null)]).toEqual([null, null, '']);
  });

  it('that are none are refused', () => {
    for (const text of ['much', '-1 GB', '5 XB', '1 2 GB', 'GB', '1e30 PB', '9999999999 PB']) expect(parseSize(text)).toBeUndefined();
  });
});

const [ID, OTHER] = ['01a224e2-eea8-7176-a2ff-d5696b731818', '01A224E2-EEA6-7854-87BE-774F13EC8D00'] as const;

describe('addresses', () => {
  it('lead there and back', () => {
    const routes: Route[] = [
      { page: 'timeline' },
      { page: 'timeline', photo: ID },
      { page: 'albums' },
      { page: 'album', album: OTHER },
      { page: 'album', album: OTHER, photo: ID },
      { page: 'favourites' },
      { page: 'favourites', photo: ID },
      { page: 'trash', photo: ID },
      { page: 'search', query: '2024 / 50% "é"' },
      { page: 'search', query: 'photo', photo: ID },
      { page: 'settings', section: '' },
      { page: 'admin', section: 'system' },
      { page: 'setup', code: 'c0de_-' },
      { page: 'invitation', token: 'T0ken_-' },
      { page: 'share', token: 'T0ken_-' },
      { page: 'share', token: 'T0ken_-', photo: ID },
      { page: 'signin' },
    ];
    for (const route of routes) expect(parseRoute(hrefOf(route))).toEqual(route);
  });

  it('that name no id ask the server for nothing', () => {
    for (const broken of ['x', '..', '../x', ID.slice(1), `${ID}x`, `${ID}/..`, `${ID}%00`, ID.replaceAll('-', ''), ` ${ID}`]) {
      const part = encodeURIComponent(broken);
      expect(parseRoute(`#/photo/${part}`)).toEqual({ page: 'timeline' });
      expect(parseRoute(`#/album/${part}`)).toEqual({ page: 'albums' });
      expect(parseRoute(`#/album/${ID}/photo/${part}`)).toEqual({ page: 'album', album: ID });
    }
  });

  it('that are unknown or broken lead to the timeline', () => {
    for (const hash of ['', '#', '#/nowhere', '#/photo', '#/photo/', '#/%E0%A4%A']) {
      expect(parseRoute(hash)).toEqual({ page: 'timeline' });
    }
  });
});

describe('the session', () => {
  const session = (expires: string, media: string) => ({
    account: { id: '', email: '', name: '', role: '', used_bytes: 0, reserved_bytes: 0 },
    expires_at: expires,
    media_expires_at: media,
  });

  it('is renewed at 80 % of its shorter life, whatever this device thinks the time is', () => {
    const server = new Date('2026-01-01T00:00:00Z');
    const note = renewalOf(session('2026-01-01T00:05:00Z', '2026-01-01T01:00:00Z'), server, 1_000_000);
    expect(note.renewAt).toBe(1_000_000 + 240_000);
  });

  it('is never renewed in a tight loop', () => {
    const server = new Date('2026-01-01T00:00:00Z');
    expect(renewalOf(session('2025-12-31T00:00:00Z', '2025-12-31T00:00:00Z'), server, 0).renewAt).toBeGreaterThan(1_000);
  });

  it('is due when its time has come, or when a clock that was put right makes it absurdly far', () => {
    expect([isDue({ renewAt: 5 }, 5), isDue({ renewAt: 6 }, 5), isDue({ renewAt: 30 * 86_400_000 }, 5)]).toEqual([true, false, true]);
  });

  it('reads only a note that makes sense', () => {
    expect(readSessionNote('{"renewAt":5}')).toEqual({ renewAt: 5 });
    expect(readSessionNote('{"renewAt":5,"account":"a"}')).toEqual({ renewAt: 5, account: 'a' });
    for (const text of [undefined, '', 'out', 'null', '{}', '[]', '"x"', '{"renewAt":"5"}']) {
      expect(readSessionNote(text)).toBeUndefined();
    }
  });
});

it('hints that are not understood are passed over', () => {
  expect(parseChange('{"kind":"album","id":"x"}')).toEqual({ kind: 'album', id: 'x' });
  for (const data of ['', 'nonsense', '{}', '{"kind":"weather"}', undefined]) expect(parseChange(data)).toBeUndefined();
});
