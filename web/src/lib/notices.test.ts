import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { notices } from './notices.svelte';

const titles = () => notices.list.map(({ title }) => title);
const waiting = { label: 'Show', run: () => undefined, stays: true, waits: true };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  for (const { id } of notices.list) notices.dismiss(id);
  vi.useRealTimers();
});

test('a notice goes by itself, one with a way back later, and one that waits never', () => {
  notices.say('plain');
  notices.say('with undo', undefined, { label: 'Undo', run: () => undefined });
  notices.say('waits', undefined, waiting);
  vi.advanceTimersByTime(7_000);
  expect(titles()).toEqual(['with undo', 'waits']);
  vi.advanceTimersByTime(1_000_000);
  expect(titles()).toEqual(['waits']);
});

test('none goes while somebody is at them, also when a pressed button takes the focus with it', () => {
  const pressed = notices.say('pressed');
  notices.say('read');
  notices.hold();
  vi.advanceTimersByTime(1_000_000);
  expect(titles()).toEqual(['pressed', 'read']);
  notices.dismiss(pressed);
  vi.advanceTimersByTime(7_000);
  expect(titles()).toEqual([]);
});

test('with too many, those that wait for somebody stay longest', () => {
  notices.say('waits', undefined, waiting);
  for (const number of [1, 2, 3, 4]) notices.say(`plain ${number}`);
  expect(titles()).toEqual(['waits', 'plain 2', 'plain 3', 'plain 4']);
});

test('said again, it takes the place of the one before', () => {
  notices.say('moved', 'one');
  notices.say('other');
  notices.say('moved', 'one');
  notices.say('moved', 'two');
  expect(notices.list.map(({ title, detail }) => [title, detail])).toEqual([
    ['other', undefined],
    ['moved', 'one'],
    ['moved', 'two'],
  ]);
});

test('only what was done last offers a way back, and what failed stays beside it', () => {
  const action = { label: 'Undo', run: () => undefined };
  notices.warn({ title: 'one failed' }, action);
  notices.say('one moved', undefined, action);
  notices.say('told');
  notices.say('two moved', undefined, action);
  expect(notices.list.map(({ title }) => title)).toEqual(['one failed', 'told', 'two moved']);
});
