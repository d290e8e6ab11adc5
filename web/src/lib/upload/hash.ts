// SHA-256 of a file in WebAssembly, a few megabytes at a time: `crypto.subtle` needs a secure context, which
// `http://192.168.…` is not, and wants the whole file in memory.
import { createSHA256 } from 'hash-wasm';

const SLICE = 4 << 20;

/** The lower-case hexadecimal hash of a blob; `onProgress` hears how many bytes have been read. */
export async function sha256Of(blob: Blob, onProgress: (read: number) => void, signal?: AbortSignal): Promise<string> {
  const hasher = await createSHA256();
  hasher.init();
  for (let start = 0; start < blob.size; start += SLICE) {
    signal?.throwIfAborted();
    const end = Math.min(start + SLICE, blob.size);
    hasher.update(new Uint8Array(await blob.slice(start, end).arrayBuffer()));
    onProgress(end);
  }
  return hasher.digest('hex');
}
