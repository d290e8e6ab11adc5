import { describe, expect, it } from 'vitest';
import { ConnectionLost, ProblemError } from '../api';
import type { PartTarget, Upload } from '../api/types';
import type { UploadItem } from './item.svelte';
import type { ManyWorld } from './many';
import { UploadQueue } from './queue.svelte';
import { modifiedAt } from './transfer';

const PART = 10;

/** A promise that is resolved from outside. */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  return { promise: new Promise<void>((done) => (resolve = done)), resolve: () => resolve() };
}

/** A server in memory that keeps what it is sent, counts, and fails on demand. */
class Server implements ManyWorld {
  stored = new Map<string, { name: string; text: string }>();
  uploads = new Map<string, { hash: string; name: string; bytes: number; parts: Map<number, string> }>();
  sending = 0;
  mostSending = 0;
  cancelled: string[] = [];
  /** Names that are always refused. */
  refused = new Set<string>();
  /** The largest file that fits. */
  room = Infinity;
  /** Files that were asked for one by one. */
  asked = 0;
  /** How many files each request for many named. */
  together: number[] = [];
  /** Errors to throw at the next calls of that name. */
  faults: Partial<Record<'start' | 'startMany' | 'put' | 'complete' | 'hash', unknown[]>> = {};
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
    this.asked++;
    this.#fault('start');
    return this.#reserve(request);
  };
  #reserve(request: { file_name: string; bytes: number; sha256: string }) {
    if (this.refused.has(request.file_name)) throw problem(422);
    if (request.bytes > this.room) throw problem(413, 'urn:picup:quota-exceeded');
    if (this.stored.has(request.sha256)) return { outcome: 'duplicate' as const, asset: `asset ${request.sha256}` };
    const id = `upload ${this.uploads.size + 1}`;
    this.uploads.set(id, { hash: request.sha256, name: request.file_name, bytes: request.bytes, parts: new Map() });
    return { outcome: 'upload' as const, upload: this.#upload(id) };
  }
  startMany = async (requests: { file_name: string; bytes: number; sha256: string }[]) => {
    this.#fault('startMany');
    this.together.push(requests.length);
    const answers = [];
    for (const request of requests) {
      if (this.refused.has(request.file_name) || request.bytes > this.room) {
        answers.push({ outcome: 'refused' as const, problem: { status: 422, type: '', title: 'no', detail: '' } });
        continue;
      }
      const answer = this.#reserve(request);
      if (answer.outcome === 'upload' && answer.upload.part_count === 1) {
        const { parts } = await this.targets(answer.upload.id, [{ number: 1, sha256: request.sha256 }]);
        answers.push({ ...answer, target: parts[0] ?? null });
      } else {
        answers.push(answer);
      }
    }
    return { answers };
  };
  completeMany = async (ids: string[]) => {
    const answers = [];
    for (const id of ids) answers.push({ outcome: 'completed' as const, ...(await this.complete(id)) });
    return { answers };
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

const file = (text: string, name = `${text.slice(0, 8)}.jpg`, type = 'image/jpeg') => ({
  file: new File([text], name, { type, lastModified: 0 }),
  path: `trip/${name}`,
});
const problem = (status: number, type = 'about:blank') => new ProblemError({ status, type, title: 'no', detail: '' });

function makeQueue(server: Server, whenChanged: (item: UploadItem) => void = () => undefined) {
  let progressed = 0;
  let clock = 0;
  /** What is remembered of files that are not over, or may be tried again. */
  const remembered = new Map<UploadItem, string | undefined>();
  const events = {
    progressed: () => progressed++,
    changed: (item: UploadItem) => {
      if (item.over && item.status !== 'failed') remembered.delete(item);
      else remembered.set(item, item.sha256);
      whenChanged(item);
    },
    dropped: (item: UploadItem) => void remembered.delete(item),
  };
  const queue = new UploadQueue(server, events, () => (clock += 50));
  return { queue, remembered, progressed: () => progressed };
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

  it('makes nothing of a small file that is cancelled after its last byte', async () => {
    const server = new Server();
    const { queue } = makeQueue(server);
    const last = gate();
    const put = server.put;
    server.put = async (target, body, onProgress, signal) => {
      await put(target, body, onProgress, signal);
      if ((await body.text()) === 'slow') await last.promise;
    };
    queue.add([file('quick'), file('slow')]);
    await until(() => [...server.uploads.values()].every(({ parts }) => parts.size === 1) && server.uploads.size === 2);
    const [quick] = queue.items;
    if (quick) queue.cancel(quick);
    last.resolve();
    await settled(queue);
    expect(statuses(queue.items)).toEqual(['cancelled', 'done']);
    expect([...server.stored.values()].map(({ text }) => text)).toEqual(['slow']);
    expect(server.cancelled).toHaveLength(1);
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

  it('sends what is missing when the server says so', async () => {
    const server = new Server();
    server.faults.complete = [problem(409)];
    const { queue } = makeQueue(server);
    queue.add([file('y'.repeat(PART * 2))]);
    await settled(queue);
    expect(queue.tally.counts.done).toBe(1);
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

it('writes the time of change with the offset of the place', () => {
  const at = { lastModified: Date.UTC(2024, 4, 31, 16, 4, 5) };
  expect(modifiedAt(at, 120)).toBe('2024-05-31T18:04:05+02:00');
  expect(modifiedAt(at, -210)).toBe('2024-05-31T12:34:05-03:30');
  expect(modifiedAt(at, 0)).toBe('2024-05-31T16:04:05+00:00');
});
