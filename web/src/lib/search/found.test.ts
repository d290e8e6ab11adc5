import { describe, expect, it } from 'vitest';
import type { Entry } from '../timeline/entries';
import { Found } from './found';

const entry = (id: string, day: string) => ({ id, day }) as Entry;
const shown = (found: Found) => found.days.flatMap(({ day }) => (found.on(day) ?? []).map((one) => `${day} ${one.id}`));

describe('what was found', () => {
  it('stays once when its day was asked for anew before the search came to its end', () => {
    const found = new Found();
    found.append([entry('c', '2'), entry('b', '1')]);
    found.replace('1', [entry('b', '1'), entry('a', '1')]);
    found.append([entry('a', '1'), entry('z', '0')]);
    expect(shown(found)).toEqual(['2 c', '1 b', '1 a', '0 z']);
    expect(found.total).toBe(4);
  });

  it('is on one day only, also when it has come to another', () => {
    const found = new Found();
    found.append([entry('b', '2'), entry('a', '1')]);
    found.replace('3', [entry('a', '3')]);
    expect(shown(found)).toEqual(['3 a', '2 b']);
    expect(found.find('a')?.day).toBe('3');
    found.replace('3', []);
    expect([shown(found), found.total, found.find('a')]).toEqual([['2 b'], 1, undefined]);
  });
});
