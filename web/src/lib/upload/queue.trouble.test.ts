import { describe, expect, it } from 'vitest';
import { ConnectionLost, ProblemError } from '../api';
import { file, gate, makeQueue, PART, problem, Server, settled, statuses, until } from './queue.fake';

describe('an upload queue in trouble', () => {
  it('sends a twin itself when the first one failed', async () => {
    const server = new Server();
    server.faults.start = [problem(422)];
    const { queue } = makeQueue(server);
    queue.add([file('same', '1.jpg'), file('same', '2.jpg')]);
    await settled(queue);
    expect(statuses(queue.items)).toEqual(['failed', 'done']);
  });

  it('sends a twin itself when the first one failed and waits to be tried again', async () => {
    const server = new Server();
    server.refused.add('first.jpg');
    const { queue } = makeQueue(server, (item) => {
      // Its twin is not sent at once.
      if (item.status === 'failed') queue.pause();
    });
    queue.add([file('same', 'first.jpg'), file('same', 'twin.jpg')]);
    await until(() => queue.paused && queue.tally.counts.failed === 1);
    const [first] = queue.items;
    // All that can be read at a time is being read, so that the first one has to wait.
    const read = gate();
    const hash = server.hash;
    server.hash = async (blob, onProgress) => (await read.promise, hash(blob, onProgress));
    queue.add(Array.from({ length: 8 }, (_, index) => file(`other ${index}`, `other ${index}.jpg`)));
    if (first) queue.retry(first);
    queue.resume();
    await until(() => queue.tally.counts.done === 1);
    read.resolve();
    await settled(queue);
    expect(statuses(queue.items)).toEqual(['duplicate', ...Array(9).fill('done')]);
  });

  it('waits out a lost network', async () => {
    const server = new Server();
    server.faults.put = [new ConnectionLost(), new ConnectionLost()];
    const { queue } = makeQueue(server);
    queue.add([file('x'.repeat(PART * 3))]);
    await until(() => server.losses === 2);
    expect(queue.items[0]?.status).toBe('sending');
    server.back.resolve();
    await settled(queue);
    expect(queue.tally.counts.done).toBe(1);
  });

  it('waits when not even the hashing could be fetched', async () => {
    const server = new Server();
    server.faults.hash = [new ConnectionLost()];
    const { queue } = makeQueue(server);
    queue.add([file('x'), file('y')]);
    await until(() => server.losses === 1);
    server.back.resolve();
    await settled(queue);
    expect(queue.tally.counts.done).toBe(2);
  });

  it('asks for a new address when one has ended, and tries a server in trouble again', async () => {
    const server = new Server();
    server.faults = { put: [problem(403)], complete: [problem(503)] };
    const { queue } = makeQueue(server);
    queue.add([file('x')]);
    await settled(queue);
    expect(queue.tally.counts.done).toBe(1);
  });

  it.each(['read-only', 'store-away'])('waits as long as nothing can be stored: %s', async (name) => {
    const server = new Server();
    const held = () => new ProblemError({ type: `urn:picup:${name}`, title: 'no', detail: '', status: 503 }, '0');
    server.faults = { put: Array.from({ length: 40 }, held), complete: Array.from({ length: 40 }, held) };
    const { queue } = makeQueue(server);
    queue.add([file('x')]);
    await settled(queue);
    expect(queue.tally.counts.done).toBe(1);
    expect([server.holds, server.goneOn]).toEqual([2, 2]);
  });

  it('sends what is missing when the server says so', async () => {
    const server = new Server();
    server.faults.complete = [problem(409)];
    const { queue } = makeQueue(server);
    queue.add([file('y'.repeat(PART * 2))]);
    await settled(queue);
    expect(queue.tally.counts.done).toBe(1);
  });

  it('takes what another tab has completed meanwhile', async () => {
    const server = new Server();
    const { queue } = makeQueue(server);
    const put = server.put;
    server.put = async (target, ...rest) => {
      await put(target, ...rest);
      if (target.number < 2) return;
      // All of it is there by now, sent by the other one too, who is first to say so.
      server.put = put;
      const [id = ''] = target.url.split('|');
      const status = server.status;
      const { asset } = await server.complete(id);
      server.status = async (upload) => ({ ...(await status(upload)), ...(upload === id ? { asset } : {}) });
      throw problem(409);
    };
    queue.add([file('a'.repeat(PART) + 'b'.repeat(PART), 'film.jpg')]);
    await settled(queue);
    expect(statuses(queue.items)).toEqual(['done']);
    expect(server.cancelled).toEqual([]);
  });

  it('fails one file alone, gives its reservation back, and retries it', async () => {
    const server = new Server();
    server.faults.put = [problem(422)];
    const { queue } = makeQueue(server);
    queue.add([file('bad'.repeat(PART)), file('good'.repeat(PART))]);
    await settled(queue);
    expect(queue.tally.counts).toMatchObject({ failed: 1, done: 1 });
    expect(server.cancelled).toHaveLength(1);
    const failed = queue.items.find((item) => item.status === 'failed');
    expect(failed?.error).toBeInstanceOf(ProblemError);
    queue.retryFailed();
    await settled(queue);
    expect(queue.tally.counts).toMatchObject({ failed: 0, done: 2 });
    expect(queue.tally.bytesDone).toBe(queue.tally.bytes);
  });

  it('fails a file that cannot be read', async () => {
    const server = new Server();
    server.faults.hash = [new DOMException('gone', 'NotReadableError')];
    const { queue } = makeQueue(server);
    queue.add([file('gone'), file('here')]);
    await settled(queue);
    expect(statuses(queue.items)).toEqual(['failed', 'done']);
  });

  it('finds out one by one what is the matter when many are refused', async () => {
    const server = new Server();
    server.faults.startMany = [problem(422)];
    server.refused.add('17.jpg');
    const { queue } = makeQueue(server);
    queue.add(Array.from({ length: 30 }, (_, index) => file(`${index}`, `${index}.jpg`)));
    await settled(queue);
    expect(queue.tally.counts).toMatchObject({ done: 29, failed: 1 });
    expect([...queue.tally.views.failed].map((item) => item.file.name)).toEqual(['17.jpg']);
  });

  it('does not ask for each file that cannot fit, and asks again when told to', async () => {
    const server = new Server();
    server.room = 20;
    const { queue, remembered } = makeQueue(server);
    queue.add([...Array.from({ length: 200 }, (_, index) => file(`${index}`.padStart(30, '-'))), file('small')]);
    await settled(queue);
    expect(queue.tally.counts).toMatchObject({ failed: 200, done: 1 });
    expect(server.asked).toBeLessThan(5);
    expect(remembered.size).toBe(200);
    server.room = Infinity;
    queue.retryFailed();
    await settled(queue);
    expect(queue.tally.counts).toMatchObject({ done: 201, failed: 0 });
    expect(queue.tally.views.failed.size).toBe(0);
  });
});
