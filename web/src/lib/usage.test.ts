import { expect, test } from 'vitest';
import { levelOf, rehearsedWords, usageOf, usageWords } from './usage';

const usage = (used_bytes: number, reserved_bytes: number, quota_bytes?: number) =>
  usageOf({ used_bytes, reserved_bytes, ...(quota_bytes === undefined ? {} : { quota_bytes }) });

test('an account is roomy, nearly full, or full, uploads under way counted', () => {
  expect(usage(50, 39, 100)).toEqual({ quota: 100, usedShare: 50, reservedShare: 39, level: 'roomy', free: 11 });
  expect(usage(50, 40, 100).level).toBe('nearly');
  expect(usage(60, 40, 100)).toMatchObject({ level: 'full', free: 0 });
});

test('a quota may be less than what is kept, or nothing, or absent', () => {
  expect(usage(150, 10, 100)).toEqual({ quota: 100, usedShare: 100, reservedShare: 0, level: 'full', free: 0 });
  expect(usage(0, 0, 0)).toEqual({ quota: 0, usedShare: 100, reservedShare: 0, level: 'full', free: 0 });
  expect(usage(5, 5)).toMatchObject({ level: 'roomy', free: undefined });
});

test('what is full is so from nine tenths on, and is told in one way', () => {
  expect([0, 89.9, 90, 99.9, 100, 120].map(levelOf)).toEqual(['roomy', 'roomy', 'nearly', 'nearly', 'full', 'full']);
  expect(usageWords(5_000_000, 20_000_000)).toBe('5 MB of 20 MB used');
  expect([usageWords(0, 0), usageWords(5_000_000, null), usageWords(5_000_000, undefined)]).toEqual(['0 bytes of 0 bytes used', '5 MB used', '5 MB used']);
});

test('a rehearsed restore is told with its age, and nothing where there is nothing to restore from', () => {
  const now = Date.parse('2026-11-22T10:00:00Z');
  expect(rehearsedWords({}, now)).toBeUndefined();
  expect(rehearsedWords({ backup: {} }, now)).toBe('Restore not rehearsed');
  expect(rehearsedWords({ backup: { rehearsed_at: '2026-11-19T09:00:00Z' } }, now)).toMatch(/^Restore rehearsed .*3 days ago/);
});
