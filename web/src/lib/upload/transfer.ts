// One file's way to the server, once its hash is known: reserve, send the parts two at a time, complete. It waits out a lost
// network, asks again for addresses that ended, and leaves every other refusal to the caller.
import { ConnectionLost, isReadOnly, isStatus, isStoreAway, ProblemError } from '../api';
import type { Completed, PartHash, PartTarget, PartTargets, Upload, UploadAnswer, UploadRequest } from '../api/types';
import { t } from '../i18n/i18n.svelte';
import type { UploadItem } from './item.svelte';

/** What a transfer needs of the world; tests bring their own. */
export interface World {
  start(request: UploadRequest, signal: AbortSignal): Promise<UploadAnswer>;
  status(upload: string, signal: AbortSignal): Promise<Upload>;
  targets(upload: string, parts: PartHash[], signal: AbortSignal): Promise<PartTargets>;
  complete(upload: string, signal: AbortSignal): Promise<Completed>;
  cancel(upload: string): Promise<void>;
  put(target: PartTarget, body: Blob, onProgress: (sent: number) => void, signal: AbortSignal): Promise<void>;
  hash(blob: Blob, onProgress: (read: number) => void, signal: AbortSignal): Promise<string>;
  /** Resolves when the server can be reached. */
  reachable(signal: AbortSignal): Promise<void>;
  /** The server did not answer. */
  lost(): void;
  /** Nothing can be stored for the moment, and a file waits for that; until what it answers is called. */
  held(): () => void;
  /** Waits before trying again. */
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export interface Sent {
  asset: string;
  duplicate: boolean;
}

const PARTS_AT_ONCE = 2;
const TRIES = 4;
/** A server that is busy, full of requests or being restarted is asked for some minutes. */
const BUSY_TRIES = 14;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 20_000;

/** Why an upload stops that is to go on later: what has arrived is kept. */
export const PAUSED = new DOMException('paused', 'AbortError');

export const isPaused = (signal: AbortSignal): boolean => signal.aborted && signal.reason === PAUSED;

/** What the server is told of a file before its bytes. */
export function requestOf(file: File, sha256: string): UploadRequest {
  return { file_name: file.name, bytes: file.size, sha256, modified_at: modifiedAt(file) };
}

/** A file to be sent, and the upload that was begun for it. */
export type Sendable = Pick<UploadItem, 'file' | 'sha256' | 'upload'>;

export async function transfer(item: Sendable, world: World, onSent: (bytes: number) => void, signal: AbortSignal): Promise<Sent> {
  try {
    return await sendOnce(item, world, onSent, signal);
  } catch (error) {
    // It was given up meanwhile, by another tab that sent the same file or by the server after a long absence.
    if (!isStatus(error, 404)) throw error;
    return await sendOnce(item, world, onSent, signal);
  }
}

async function sendOnce(item: Sendable, world: World, onSent: (bytes: number) => void, signal: AbortSignal): Promise<Sent> {
  const { file, sha256 = '' } = item;
  const answer = await again(world, signal, () => world.start(requestOf(file, sha256), signal));
  if (answer.outcome === 'duplicate') return { asset: answer.asset, duplicate: true };
  const { upload } = answer;
  item.upload = upload.id;
  try {
    return { asset: await sendAll(file, sha256, upload, world, onSent, signal), duplicate: false };
  } catch (error) {
    if (!isPaused(signal)) giveUp(item, world);
    throw error;
  }
}

/** What was reserved is given back at once; if that fails too, the server reaps it later. */
export function giveUp(item: Pick<UploadItem, 'upload'>, world: World): void {
  if (item.upload !== undefined) world.cancel(item.upload).catch(() => undefined);
  item.upload = undefined;
}

async function sendAll(
  file: File,
  sha256: string,
  upload: Upload,
  world: World,
  onSent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<string> {
  let known = upload;
  for (let round = 1; ; round++) {
    if (known.asset) return known.asset;
    try {
      await sendParts(file, sha256, known, world, onSent, signal);
      return (await again(world, signal, () => world.complete(upload.id, signal))).asset;
    } catch (error) {
      // A part is missing that was thought to be there; or another tab sends the same file, and completes it right now.
      if (round > 1 || !isStatus(error, 409)) throw error;
      known = await again(world, signal, () => world.status(upload.id, signal));
    }
  }
}

async function sendParts(
  file: File,
  sha256: string,
  upload: Upload,
  world: World,
  onSent: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const arrived = new Set(upload.arrived.map((part) => part.number));
  const waiting = Array.from({ length: upload.part_count }, (_, index) => index + 1).filter((part) => !arrived.has(part));
  const sent = new Map<number, number>();
  for (const number of arrived) sent.set(number, partOf(file, upload, number).size);
  const tell = () => onSent([...sent.values()].reduce((total, bytes) => total + bytes, 0));
  tell();
  // When one part is refused for good, the part beside it has no reason to go on.
  const refused = new AbortController();
  const either = AbortSignal.any([signal, refused.signal]);
  const sendNext = async () => {
    for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
      const part = number;
      const body = partOf(file, upload, part);
      const hash = upload.part_count === 1 ? sha256 : await world.hash(body, () => undefined, either);
      await again(world, either, async () => {
        const { parts } = await world.targets(upload.id, [{ number: part, sha256: hash }], either);
        const target = parts[0];
        if (!target) throw new Error(t('error.noPlace'));
        await world.put(target, body, (bytes) => (sent.set(part, Math.min(bytes, body.size)), tell()), either);
      });
      sent.set(part, body.size);
      tell();
    }
  };
  try {
    await Promise.all(Array.from({ length: PARTS_AT_ONCE }, sendNext));
  } catch (error) {
    refused.abort();
    throw error;
  }
}

/** A part's bytes. Without a type, so that no Content-Type is sent: a signed address allows only the headers it names. */
function partOf(file: File, upload: Upload, number: number): Blob {
  const start = (number - 1) * upload.part_size;
  return file.slice(start, Math.min(start + upload.part_size, file.size), '');
}

/**
 * Tries again what may succeed the next time: a lost network, and a database or store that is away, as long as it takes, a server in trouble a
 * few times.
 */
export async function again<T>(world: World, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  let goesOn: (() => void) | undefined;
  try {
    for (let tries = 1; ; ) {
      signal.throwIfAborted();
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof ConnectionLost) {
          world.lost();
          await world.reachable(signal);
        } else if (error instanceof ProblemError && (isHeld(error) || tries < triesFor(error.status))) {
          if (isHeld(error)) goesOn ??= world.held();
          await world.pause(error.retryAfterMs ?? Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries), signal);
          tries++;
        } else {
          throw error;
        }
      }
    }
  } finally {
    goesOn?.();
  }
}

/** Whether nothing can be stored for the moment, for nobody: as with a lost network, all there is to do is to wait. */
const isHeld = (error: unknown): boolean => isReadOnly(error) || isStoreAway(error);

/** How often what was refused may be asked for. 403: the address ended before it was used. */
function triesFor(status: number): number {
  if (status === 429 || (status >= 502 && status <= 504)) return BUSY_TRIES;
  return status === 403 || status >= 500 ? TRIES : 1;
}

/** A file's time of change with this device's offset on that day: `2024-05-31T18:04:05+02:00`. */
export function modifiedAt(file: { lastModified: number }, offset?: number): string {
  const date = new Date(file.lastModified);
  const minutes = offset ?? -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, 19);
  const two = (value: number) => String(Math.trunc(Math.abs(value))).padStart(2, '0');
  return `${local}${minutes < 0 ? '-' : '+'}${two(minutes / 60)}:${two(Math.abs(minutes) % 60)}`;
}
