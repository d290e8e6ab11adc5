// For tests: a server in memory that fails on demand, and a queue that sends to it.
import { expect } from 'vitest';
import { ProblemError } from '../api';
import type { PartTarget, Upload } from '../api/types';
import type { UploadItem } from './item.svelte';
import type { ManyWorld } from './many';
import { UploadQueue } from './queue.svelte';

export const PART = 10;

/** A promise that is resolved from outside. */
export function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  return { promise: new Promise<void>((done) => (resolve = done)), resolve: () => resolve() };
}

/** A server in memory that keeps what it is sent, counts, and fails on demand. */
export class Server implements ManyWorld {
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
  /** How often something began to wait because nothing could be changed, and went on. */
  holds = 0;
  goneOn = 0;
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
  held = () => {
    this.holds++;
    return () => void this.goneOn++;
  };
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

export const file = (text: string, name = `${text.slice(0, 8)}.jpg`, type = 'image/jpeg') => ({
  file: new File([text], name, { type, lastModified: 0 }),
  path: `trip/${name}`,
});
export const problem = (status: number, type = 'about:blank') => new ProblemError({ status, type, title: 'no', detail: '' });

export function makeQueue(server: Server, whenChanged: (item: UploadItem) => void = () => undefined) {
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
export async function settled(queue: UploadQueue): Promise<void> {
  for (let turn = 0; turn < 5000 && queue.active; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(queue.active).toBe(false);
}
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 5000 && !condition(); turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(condition()).toBe(true);
}
export const statuses = (items: readonly UploadItem[]) => items.map((item) => item.status);
