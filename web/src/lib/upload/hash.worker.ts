// Hashes away from the page, so that it stays smooth. Spoken to by `hasher.ts` alone.
import { sha256Of } from './hash';

export type HashRequest = { id: number; blob: Blob } | { id: number; cancel: true };
export type HashReply =
  | { id: number; read: number }
  | { id: number; sha256: string }
  | { id: number; error: string };

const running = new Map<number, AbortController>();
const reply = (message: HashReply) => postMessage(message);

addEventListener('message', (event: MessageEvent<HashRequest>) => {
  const request = event.data;
  if ('cancel' in request) running.get(request.id)?.abort();
  else void hash(request.id, request.blob);
});

async function hash(id: number, blob: Blob): Promise<void> {
  const abort = new AbortController();
  running.set(id, abort);
  try {
    reply({ id, sha256: await sha256Of(blob, (read) => reply({ id, read }), abort.signal) });
  } catch (error) {
    reply({ id, error: error instanceof Error ? error.message : String(error) });
  } finally {
    running.delete(id);
  }
}
