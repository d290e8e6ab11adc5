import { describe, expect, it } from 'vitest';
import { file, gate, makeQueue, PART, Server, settled, statuses, until } from './queue.fake';
import { modifiedAt } from './transfer';

describe('the upload queue', () => {
  it('sends every byte of every file, small and large', async () => {
    const server = new Server();
    const { queue, progressed } = makeQueue(server);
    const texts = ['a', 'b'.repeat(PART), 'c'.repeat(PART * 7 + 3), 'longer than one part', 'd'];
    queue.add(texts.map((text, index) => file(text, `${index}.jpg`)));
    await settled(queue);
    expect([...server.stored.values()].map(({ text }) => text).sort()).toEqual([...texts].sort());
    expect(queue.tally.counts.done).toBe(5);
    expect(queue.tally.bytesDone).toBe(queue.tally.bytes);
    expect(progressed()).toBeGreaterThanOrEqual(5);
  });

  it('sends at most two files with two parts each at a time', async () => {
    const server = new Server();
    const barrier = gate();
    server.gate = barrier.promise;
    const { queue } = makeQueue(server);
    queue.add(Array.from({ length: 12 }, (_, index) => file(String.fromCharCode(97 + index).repeat(PART * 4))));
    await until(() => server.sending === 4);
    barrier.resolve();
    await settled(queue);
    expect(server.mostSending).toBe(4);
  });

  it('names duplicates and sends identical files once', async () => {
    const server = new Server();
    server.stored.set('hash of old', { name: 'old', text: 'old' });
    const { queue } = makeQueue(server);
    queue.add([file('old'), file('new', '1.jpg'), file('new', '2.jpg'), file('new', '3.jpg')]);
    await settled(queue);
    expect(statuses(queue.items)).toEqual(['duplicate', 'done', 'duplicate', 'duplicate']);
    expect(server.uploads.size).toBe(1);
    expect(new Set(queue.items.slice(1).map((item) => item.asset)).size).toBe(1);
  });

  it('passes over what is no photo or video, and what is empty, and names it', async () => {
    const server = new Server();
    const { queue, remembered } = makeQueue(server);
    queue.add([file('notes', 'notes.txt', 'text/plain'), file('', 'empty.jpg'), file('raw', 'raw.NEF', ''), file('x', 'x.jpg')]);
    await settled(queue);
    expect(statuses(queue.items)).toEqual(['skipped', 'skipped', 'done', 'done']);
    expect(queue.items.map((item) => item.skipped)).toEqual(['kind', 'empty', undefined, undefined]);
    expect([...queue.tally.views.skipped]).toEqual(queue.items.slice(0, 2));
    expect(queue.tally.bytesDone).toBe(queue.tally.bytes);
    expect(remembered.size).toBe(0);
  });

  it('sends small files many together', async () => {
    const server = new Server();
    const { queue } = makeQueue(server);
    const barrier = gate();
    server.gate = barrier.promise;
    queue.add(Array.from({ length: 500 }, (_, index) => file(`${index}`)));
    await until(() => queue.tally.counts.hashed >= 200);
    barrier.resolve();
    await settled(queue);
    expect(queue.tally.counts.done).toBe(500);
    expect(server.stored.size).toBe(500);
    expect(Math.max(...server.together)).toBe(100);
  });
});

it('writes the time of change with the offset of the place', () => {
  const at = { lastModified: Date.UTC(2024, 4, 31, 16, 4, 5) };
  expect(modifiedAt(at, 120)).toBe('2024-05-31T18:04:05+02:00');
  expect(modifiedAt(at, -210)).toBe('2024-05-31T12:34:05-03:30');
  expect(modifiedAt(at, 0)).toBe('2024-05-31T16:04:05+00:00');
});
