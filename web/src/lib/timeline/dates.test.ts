import { describe, expect, it } from 'vitest';
import { nearestDay, readPeriod } from './dates';
import { indexOfMonth, monthsOf, stepFrom } from './months';

const TODAY = '2024-06-15';
const read = (text: string, language = 'en-GB') => {
  const period = readPeriod(text, language, TODAY);
  return period && (period.oldest === period.newest ? period.oldest : `${period.oldest} to ${period.newest}`);
};

describe('what people write for a date', () => {
  it.each([
    ['2019', '2019-01-01 to 2019-12-31'],
    ['2019-05', '2019-05-01 to 2019-05-31'],
    ['5/2019', '2019-05-01 to 2019-05-31'],
    ['May 2019', '2019-05-01 to 2019-05-31'],
    ['201905', '2019-05-01 to 2019-05-31'],
    ['2019-05-04', '2019-05-04'],
    ['20190504', '2019-05-04'],
    ['2019.5.4', '2019-05-04'],
    ['4 May 2019', '2019-05-04'],
    [' Saturday, 4th of MAY, 2019 ', '2019-05-04'],
    ['May 4, 2019', '2019-05-04'],
    ['4 sept 2019', '2019-09-04'],
    ['may', '2024-05-01 to 2024-05-31'],
    ['August', '2023-08-01 to 2023-08-31'],
    ['3 May', '2024-05-03'],
    ['24 December', '2023-12-24'],
    ['today', '2024-06-15'],
    ['Yesterday', '2024-06-14'],
  ])('reads %s', (text, expected) => expect(read(text)).toBe(expected));

  it('reads numbers in the order of the language, and the other way where only that can be', () => {
    expect(read('3/5/2019', 'en-GB')).toBe('2019-05-03');
    expect(read('3/5/2019', 'en-US')).toBe('2019-03-05');
    expect(read('25/5/2019', 'en-US')).toBe('2019-05-25');
    expect(read('5/25/2019', 'en-GB')).toBe('2019-05-25');
    expect(read('3.5.', 'en-GB')).toBe('2024-05-03');
  });

  it('reads Korean, and English in Korean too', () => {
    expect(read('2019년 5월 4일', 'ko')).toBe('2019-05-04');
    expect(read('2019년 5월', 'ko')).toBe('2019-05-01 to 2019-05-31');
    expect(read('2019년', 'ko')).toBe('2019-01-01 to 2019-12-31');
    expect(read('5월', 'ko')).toBe('2024-05-01 to 2024-05-31');
    expect(read('5월 4일', 'ko')).toBe('2024-05-04');
    expect(read('어제', 'ko')).toBe('2024-06-14');
    expect(read('May 2019', 'ko')).toBe('2019-05-01 to 2019-05-31');
  });

  it.each(['', ' ', 'x', 'may june 2019', '2019-13', '2019-02-30', '30 Feb 2019', '32/1/2019', '12', '1/2/3/4', '2019 2020', '99999'])(
    'makes nothing of %j',
    (text) => expect(read(text)).toBeUndefined(),
  );
});

describe('the day that a date leads to', () => {
  const days = ['2024-05-20', '2024-05-03', '2024-03-01', '2020-01-01'].map((day, index) => ({ day, count: index + 1 }));
  const lead = (oldest: string, newest = oldest) => nearestDay(days, { oldest, newest });

  it('is the day itself, or the newest within', () => {
    expect(lead('2024-05-03')).toBe('2024-05-03');
    expect(lead('2024-05-01', '2024-05-31')).toBe('2024-05-20');
    expect(lead('2024-01-01', '2024-12-31')).toBe('2024-05-20');
  });

  it('is the nearest before or after', () => {
    expect(lead('2024-05-18')).toBe('2024-05-20');
    expect(lead('2024-05-05')).toBe('2024-05-03');
    expect(lead('2023-01-01', '2023-12-31')).toBe('2024-03-01');
    expect(lead('2030-01-01')).toBe('2024-05-20');
    expect(lead('1999-01-01')).toBe('2020-01-01');
    expect(nearestDay([], { oldest: '2020-01-01', newest: '2020-01-01' })).toBeUndefined();
  });
});

describe('months', () => {
  const months = monthsOf(
    ['2024-05-20', '2024-05-03', '2024-03-01', '2023-12-30', '2023-12-01', '2021-07-07'].map((day) => ({ day, count: 2 })),
  );

  it('are counted, with their newest day', () => {
    expect(months.map(({ month, day, count }) => `${month} ${day} ${count}`)).toEqual([
      '2024-05 2024-05-20 4',
      '2024-03 2024-03-01 2',
      '2023-12 2023-12-30 4',
      '2021-07 2021-07-07 2',
    ]);
    expect(['2024-05-04', '2024-04-04', '2022-01-01', '2000-01-01'].map((day) => indexOfMonth(months, day))).toEqual([0, 1, 3, 3]);
  });

  it('are stepped through one by one, or a year at a time, and end at both ends', () => {
    expect([0, 3].map((index) => stepFrom(months, index, 'month', 1))).toEqual([1, 3]);
    expect([0, 3].map((index) => stepFrom(months, index, 'month', -1))).toEqual([0, 2]);
    expect([0, 1, 2, 3].map((index) => stepFrom(months, index, 'year', 1))).toEqual([2, 2, 3, 3]);
    expect([3, 2, 1].map((index) => stepFrom(months, index, 'year', -1))).toEqual([2, 0, 0]);
    expect(stepFrom([], 0, 'year', 1)).toBe(0);
  });
});
