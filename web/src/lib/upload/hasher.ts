// The page's side of the hashing worker, which is started when the first file comes.
import { ConnectionLost } from '../api';
import { t } from '../i18n/i18n.svelte';
import type { HashReply, HashRequest } from './hash.worker';

interface Waiting {
  progress(read: number): void;
  done(sha256: string): void;
  failed(error: Error): void;
}

let worker: Worker | undefined;
let last = 0;
const waiting = new Map<number, Waiting>();

export function hashInWorker(blob: Blob, onProgress: (read: number) => void, signal: AbortSignal): Promise<string> {
  const id = ++last;
  const target = (worker ??= startWorker());
  const post = (request: HashRequest) => target.postMessage(request);
  return new Promise<string>((resolve, reject) => {
    signal.throwIfAborted();
    waiting.set(id, { progress: onProgress, done: resolve, failed: reject });
    signal.addEventListener('abort', () => post({ id, cancel: true }), { once: true });
    post({ id, blob });
  }).finally(() => waiting.delete(id));
}

function startWorker(): Worker {
  const started = new Worker(new URL('./hash.worker.ts', import.meta.url), { type: 'module' });
  let spoke = false;
  started.addEventListener('message', (event: MessageEvent<HashReply>) => {
    const answer = event.data;
    spoke = true;
    const one = waiting.get(answer.id);
    if ('read' in answer) one?.progress(answer.read);
    else if ('sha256' in answer) one?.done(answer.sha256);
    else one?.failed(new DOMException(answer.error, 'NotReadableError'));
  });
  started.addEventListener('error', () => {
    // One that never spoke could not be fetched: the server is away, and the caller waits for it.
    for (const one of waiting.values()) one.failed(spoke ? new Error(t('error.readingStopped')) : new ConnectionLost());
    worker = undefined;
  });
  return started;
}
