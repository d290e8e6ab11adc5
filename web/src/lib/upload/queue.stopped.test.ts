import { describe, expect, it } from 'vitest';
import { file, gate, makeQueue, PART, problem, Server, settled, statuses, until } from './queue.fake';

describe('an upload queue that is stopped', () => {
  it('cancels what waits and what is being sent', async () => {
    const server = new Server();
    const barrier = gate();
    server.gate = barrier.promise;
    const { queue } = makeQueue(server);
    queue.add(Array.from({ length: 6 }, (_, index) => file(`file ${index}`)));
    await until(() => server.sending > 0);
    queue.cancelAll();
    barrier.resolve();
    await settled(queue);
    expect(queue.tally.counts.cancelled).toBe(6);
    expect(server.stored.size).toBe(0);
    await until(() => server.cancelled.length === server.uploads.size);
    expect(queue.tally.bytesDone).toBe(queue.tally.bytes);
  });

  it('starts afresh when files come after it was done', async () => {
    const { queue } = makeQueue(new Server());
    queue.add([file('one')]);
    await settled(queue);
    queue.add([file('two')]);
    expect(queue.items).toHaveLength(1);
    await settled(queue);
    expect(queue.tally.counts.done).toBe(1);
  });

  it('keeps what has arrived when it is paused, and goes on with the rest', async () => {
    const server = new Server();
    const barrier = gate();
    server.gate = barrier.promise;
    const { queue, remembered } = makeQueue(server);
    queue.add([file('a'.repeat(PART * 4)), file('b'.repeat(PART * 4)), file('c')]);
    await until(() => server.sending > 0);
    queue.pause();
    barrier.resolve();
    await until(() => server.sending === 0 && queue.tally.counts.sending === 0);
    expect(queue.active).toBe(true);
    expect(queue.tally.bytesDone).toBe(0);
    expect(server.cancelled).toEqual([]);
    expect(remembered.size).toBe(3);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(server.stored.size).toBe(0);
    queue.resume();
    await settled(queue);
    expect(queue.tally.counts.done).toBe(3);
    expect(remembered.size).toBe(0);
    expect(queue.tally.bytesDone).toBe(queue.tally.bytes);
  });

  it('gives back what was begun when it is cancelled while it is paused', async () => {
    const server = new Server();
    const barrier = gate();
    server.gate = barrier.promise;
    const { queue } = makeQueue(server);
    queue.add([file('a'.repeat(PART * 4)), file('b'.repeat(PART * 4)), file('c')]);
    await until(() => server.sending > 0);
    queue.pause();
    barrier.resolve();
    await until(() => server.sending === 0 && queue.tally.counts.sending === 0);
    expect(server.uploads.size).toBeGreaterThan(0);
    expect(server.cancelled).toEqual([]);
    queue.cancelAll();
    expect(server.cancelled.sort()).toEqual([...server.uploads.keys()].sort());
  });

  it('completes nothing that was cancelled after its bytes had arrived', async () => {
    const server = new Server();
    const { queue } = makeQueue(server);
    const put = server.put;
    server.put = async (...all) => {
      await put(...all);
      const one = queue.items.find((item) => item.file.name === 'small 3.jpg');
      if (one?.upload === all[0].url.split('|')[0] && one) queue.cancel(one);
    };
    queue.add(Array.from({ length: 5 }, (_, index) => file(`small ${index}`)));
    await settled(queue);
    expect(queue.tally.counts).toMatchObject({ done: 4, cancelled: 1 });
    expect([...server.stored.values()].map(({ name }) => name)).not.toContain('small 3.jpg');
    expect(server.cancelled.length).toBe(1);
  });

  it('begins anew what was given up elsewhere', async () => {
    const server = new Server();
    server.faults.put = [problem(404)];
    const { queue } = makeQueue(server);
    queue.add([file('a'.repeat(PART * 2))]);
    await settled(queue);
    expect(queue.tally.counts.done).toBe(1);
    expect(server.uploads.size).toBe(2);
  });

  it('begins paused what was paused before, unless others are under way', async () => {
    const server = new Server();
    const { queue } = makeQueue(server);
    queue.add([file('a')], (item) => (item.sha256 = 'hash of a'), true);
    expect(queue.paused).toBe(true);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect([server.asked, server.together, queue.tally.counts.waiting]).toEqual([0, [], 1]);
    queue.resume();
    queue.add([file('b')], () => undefined, true);
    expect(queue.paused).toBe(false);
    await settled(queue);
    expect(queue.tally.counts.done).toBe(2);
  });

  it('remembers a hash, and does not read a file again whose hash is known', async () => {
    const server = new Server();
    const barrier = gate();
    server.gate = barrier.promise;
    const { queue, remembered } = makeQueue(server);
    queue.add([file('one')]);
    await until(() => server.sending === 1);
    expect([...remembered.values()]).toEqual(['hash of one']);
    barrier.resolve();
    await settled(queue);
    server.faults.hash = [new Error('read twice')];
    queue.add([file('two')], (item) => (item.sha256 = 'hash of two'));
    await settled(queue);
    expect(queue.tally.counts.done).toBe(1);
  });

  it('keeps what failed in view when more files come, until it is dismissed', async () => {
    const server = new Server();
    server.faults.start = [problem(422)];
    const { queue, remembered } = makeQueue(server);
    queue.add([file('bad')]);
    await settled(queue);
    queue.add([file('good')]);
    await settled(queue);
    expect(statuses(queue.items)).toEqual(['failed', 'done']);
    queue.clear();
    expect(remembered.size).toBe(0);
  });

  it('takes 20,000 files a few at a time, and stops taking them in when all is cancelled', { timeout: 30_000 }, async () => {
    const { queue } = makeQueue(new Server());
    const files = Array.from({ length: 20_000 }, (_, index) => file(`${index}`));
    const taking = queue.add(files);
    expect(queue.items.length).toBeGreaterThan(0);
    expect(queue.items.length).toBeLessThan(1000);
    await taking;
    expect(queue.items).toHaveLength(20_000);
    queue.cancelAll();
    await settled(queue);
    expect(queue.tally.counts.cancelled + queue.tally.counts.done).toBe(20_000);
    queue.clear();
    const again = queue.add(files);
    queue.cancelAll();
    await again;
    expect(queue.items.length).toBeLessThan(1000);
  });
});
