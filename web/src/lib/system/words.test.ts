import { beforeEach, describe, expect, it } from 'vitest';
import { i18n } from '../i18n/i18n.svelte';
import { adviceWords, elapsed, engineWord, jobWord, milliseconds, stateWord } from './words';

describe('what the server says of itself', () => {
  beforeEach(() => (i18n.language = 'en'));

  it('is said in the language of the page, with what the server found', () => {
    const full = { code: 'storage-full', state: 'bad', detail: 'only 1 GB of 8 GB free' } as const;
    expect(adviceWords(full)).toEqual({ text: expect.stringContaining('The disk is full'), detail: full.detail });
    i18n.language = 'ko';
    expect(adviceWords(full).text).toContain('디스크가 가득');
    expect(stateWord('attention')).toBe('확인 필요');
  });

  it('says of copies what they need, and the command for it', () => {
    const codes = ['backup-none', 'backup-failing', 'backup-behind', 'backup-no-catalogue', 'backup-catalogue-old', 'backup-no-recovery-key'];
    for (const code of [...codes, 'backup-paused', 'removals-held', 'orphans-held', 'drill-never', 'drill-old', 'drill-failed']) {
      const words = adviceWords({ code, state: 'attention', detail: 'run: picup backup drill disk' });
      expect(words, code).toEqual({ text: expect.any(String), detail: 'run: picup backup drill disk' });
    }
  });

  it('says nothing twice', () => {
    const words = adviceWords({ code: 'jobs-given-up', state: 'attention', detail: '2 jobs were given up' });
    expect(words.text).toContain('failed too often');
    expect(words.detail).toBeUndefined();
  });

  it('is shown as it was said by a server that knows more', () => {
    const later = { code: 'replica-behind', state: 'bad', detail: 'the replica is 3 hours behind' } as const;
    expect(adviceWords(later)).toEqual({ detail: later.detail });
    expect(adviceWords({ ...later, code: 'constructor' })).toEqual({ detail: later.detail });
    expect(jobWord('copy')).toBe('copy');
    expect(jobWord('toString')).toBe('toString');
    expect(engineWord('mysql')).toBe('MySQL, MariaDB');
    expect(engineWord('another')).toBe('another');
  });
});

describe('times', () => {
  it('are told in their largest unit', () => {
    expect(elapsed('en', 0)).toBe('0 seconds');
    expect(elapsed('en', 59)).toBe('59 seconds');
    expect(elapsed('en', 3_599)).toBe('59 minutes');
    expect(elapsed('en', 86_399)).toBe('23 hours');
    expect(elapsed('ko', 3 * 86_400 + 5)).toBe('3일');
  });

  it('are as exact as they matter', () => {
    expect(milliseconds('en', 0.44)).toBe('0.4 ms');
    expect(milliseconds('en', 123.4)).toBe('123 ms');
  });
});
