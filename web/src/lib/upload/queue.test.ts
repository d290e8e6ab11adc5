import { describe, expect, it } from 'vitest';
import { ConnectionLost, ProblemError } from '../api';
import type { PartTarget, Upload } from '../api/types';
import { UploadQueue, type UploadItem } from './queue.svelte';
import { modifiedAt, type World } from './transfer';

const PART = 10;

/** A promise that is resolved from outside. */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  return { promise: new Promise<void>((done) => (resolve = done)), resolve: () => resolve() };
}

/** A server in memory that keeps what it is sent, counts, and fails on demand. */
class Server implements World {
  stored = new Map<string, { name: string; text: string }>();
  uploads = new Map<string, { hash: string; name: string; bytes: number; parts: Map<number, string> }>();
  sending = 0;
  mostSending = 0;
  cancelled: string[] = [];
  /** Errors to throw at the next calls of that name. */
  faults: Partial<Record<'start' | 'put' | 'complete' | 'hash', unknown[]>> = {};
  back = gate();
  losses = 0;
  /** When set, parts stop here until it resolves. */
  gate: Promise<void> | undefined;

  hash = async (blob: Blob, onProgress: (read: number) => void) => {
    this.#fault('hash');
    onProgress(blob.size);
    return `hash of ${await blob.text()}`;
  };
  start = async (request: { file_name: string; bytes: number; sha256: string }) => {
    this.#fault('start');
    if (this.stored.has(request.sha256)) return { outcome: 'duplicate' as const, asset: `asset ${request.sha256}` };
    const id = `upload ${this.uploads.size + 1}`;
    this.uploads.set(id, { hash: request.sha256, name: request.file_name, bytes: request.bytes, parts: new Map() });
    return { outcome: 'upload' as const, upload: this.#upload(id) };
  };
  status = async (id: string) => this.#upload(id);
  targets = async (id: string, parts: { number: number; sha256: string }[]) => ({
    parts: parts.map(({ number, sha256 }) => ({ number, method: 'PUT', url: `${id}|${sha256}`, headers: [], expires_at: '' })),
  });
  put = async (target: PartTarget, body: Blob, onProgress: (sent: number) => void, signal: AbortSignal) => {
    this.mostSending = Math.max(this.mostSending, ++this.sending);
    try {
      await this.gate;
      signal.throwIfAborted();
      this.#fault('put');
      const [id = '', hash = ''] = target.url.split('|');
      const text = await body.text();
      expect(hash).toBe(`hash of ${text}`);
      expect(body.type).toBe('');
      onProgress(body.size);
      this.uploads.get(id)?.parts.set(target.number, text);
    } finally {
      this.sending--;
    }
  };
  complete = async (id: string) => {
    this.#fault('complete');
    const upload = this.uploads.get(id);
    const text = [...(upload?.parts ?? [])].sort(([a], [b]) => a - b).map(([, part]) => part).join('');
    this.stored.set(upload?.hash ?? '', { name: upload?.name ?? '', text });
    return { asset: `asset ${upload?.hash}` };
  };
  cancel = async (id: string) => void this.cancelled.push(id);
  reachable = () => this.back.promise;
  lost = () => void this.losses++;
  pause = async () => undefined;

  #fault(name: keyof Server['faults']): void {
    const fault = this.faults[name]?.shift();
    if (fault) throw fault;
  }
  #upload(id: string): Upload {
    const upload = this.uploads.get(id);
    return {
      id,
      part_size: PART,
      part_count: Math.max(1, Math.ceil((upload?.bytes ?? 0) / PART)),
      arrived: [...(upload?.parts ?? [])].map(([number, text]) => ({ number, sha256: `hash of ${text}` })),
      expires_at: '',
    };
  }
}

const file = (text: string, name = `${text.slice(0, 8)}.jpg`) => new File([text], name, { type: 'image/jpeg', lastModified: 0 });
const problem = (status: number, type = 'about:blank') => new ProblemError({ status, type, title: 'no', detail: '' });

function makeQueue(server: Server) {
  let progressed = 0;
  let clock = 0;
  const queue = new UploadQueue(server, { progressed: () => progressed++ }, () => (clock += 50));
  return { queue, progressed: () => progressed };
}

/** Resolves when nothing is under way; the server has no timers, so a few turns of the event loop are enough. */
async function settled(queue: UploadQueue): Promise<void> {
  for (let turn = 0; turn < 5000 && queue.active; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(queue.active).toBe(false);
}
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5000 && !condition(); turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(condition()).toBe(true);
}
const statuses = (items: readonly UploadItem[]) => items.map((item) => item.status);

describe('the upload queue', () => {
  it('sends every byte of every file, small, large and empty', async () => {
    const server = new Server();
    const { queue, progressed } = makeQueue(server);
    const texts = ['a', 'b'.repeat(PART), 'c'.repeat(PART * 7 + 3), '', 'longer than one part'];
    queue.add(texts.map((text, index) => file(text, `${index}.jpg`)));
    await settled(queue);
    expect([...server.stored.values()].map(({ text }) => text).sort()).toEqual([...texts].sort());
    expect(queue.counts.done).toBe(5);
    expect(queue.bytesDone).toBe(queue.bytes);
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

  it('sends a twin itself when the first one failed', async () => {
    const server = new Server();
    server.faults.start = [problem(422)];
    const { queue } = makeQueue(server);
    queue.add([file('same', '1.jpg'), file('same', '2.jpg')]);
    await settled(queue);
    expect(statuses(queue.items)).toEqual(['failed', 'done']);
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
    expect(queue.counts.done).toBe(1);
  });

  it('waits when not even the hashing could be fetched', async () => {
    const server = new Server();
    server.faults.hash = [new ConnectionLost()];
    const { queue } = makeQueue(server);
    queue.add([file('x'), file('y')]);
    await until(() => server.losses === 1);
    server.back.resolve();
    await settled(queue);
    expect(queue.counts.done).toBe(2);
  });

  it('asks for a new address when one has ended, and tries a server in trouble again', async () => {
    const server = new Server();
    server.faults = { put: [problem(403)], complete: [problem(503)] };
    const { queue } = makeQueue(server);
    queue.add([file('x')]);
    await settled(queue);
    expect(queue.counts.done).toBe(1);
  });

  it('sends what is missing when the server says so', async () => {
    const server = new Server();
    server.faults.complete = [problem(409)];
    const { queue } = makeQueue(server);
    queue.add([file('y'.repeat(PART * 2))]);
    await settled(queue);
    expect(queue.counts.done).toBe(1);
  });

  it('fails one file alone, gives its reservation back, and retries it', async () => {
    const server = new Server();
    server.faults.put = [problem(422)];
    const { queue } = makeQueue(server);
    queue.add([file('bad'), file('good')]);
    await settled(queue);
    expect(queue.counts).toMatchObject({ failed: 1, done: 1 });
    expect(server.cancelled).toHaveLength(1);
    const failed = queue.items.find((item) => item.status === 'failed');
    expect(failed?.error).toBeInstanceOf(ProblemError);
    queue.retryFailed();
    await settled(queue);
    expect(queue.counts).toMatchObject({ failed: 0, done: 2 });
    expect(queue.bytesDone).toBe(queue.bytes);
  });

  it('fails a file that cannot be read', async () => {
    const server = new Server();
    server.faults.hash = [new DOMException('gone', 'NotReadableError')];
    const { queue } = makeQueue(server);
    queue.add([file('gone'), file('here')]);
    await settled(queue);
    expect(statuses(queue.items)).toEqual(['failed', 'done']);
  });

  it('cancels what waits and what is being sent', async () => {
    const server = new Server();
    const barrier = gate();
    server.gate = barrier.promise;
    const { queue } = makeQueue(server);
    queue.add(Array.from({ length: 6 }, (_, index) => file(`file ${index}`)));
    await until(() => server.sending === 2);
    queue.cancelAll();
    barrier.resolve();
    await settled(queue);
    expect(queue.counts.cancelled).toBe(6);
    expect(server.stored.size).toBe(0);
    await until(() => server.cancelled.length === 2);
    expect(queue.bytesDone).toBe(queue.bytes);
  });

  it('starts afresh when files come after it was done', async () => {
    const { queue } = makeQueue(new Server());
    queue.add([file('one')]);
    await settled(queue);
    queue.add([file('two')]);
    expect(queue.items).toHaveLength(1);
    await settled(queue);
    expect(queue.counts.done).toBe(1);
  });

  it('ends when another account signs in, and not when the same one does', async () => {
    const server = new Server();
    const barrier = gate();
    server.gate = barrier.promise;
    const { queue } = makeQueue(server);
    queue.belongTo('ada');
    queue.add([file('secret')]);
    await until(() => server.sending === 1);
    queue.belongTo('ada');
    expect(queue.active).toBe(true);
    queue.belongTo('bob');
    expect(queue.items).toEqual([]);
    barrier.resolve();
    await until(() => server.sending === 0);
    expect(server.stored.size).toBe(0);
  });

  it('takes 20,000 files without slowing down', { timeout: 30_000 }, async () => {
    const { queue } = makeQueue(new Server());
    const started = performance.now();
    queue.add(Array.from({ length: 20_000 }, (_, index) => file(`${index}`)));
    expect(performance.now() - started).toBeLessThan(2_000);
    queue.cancelAll();
    await settled(queue);
    expect(queue.counts.cancelled + queue.counts.done).toBe(20_000);
  });
});

it('writes the time of change with the offset of the place', () => {
  const at = { lastModified: Date.UTC(2024, 4, 31, 16, 4, 5) };
  expect(modifiedAt(at, 120)).toBe('2024-05-31T18:04:05+02:00');
  expect(modifiedAt(at, -210)).toBe('2024-05-31T12:34:05-03:30');
  expect(modifiedAt(at, 0)).toBe('2024-05-31T16:04:05+00:00');
});
