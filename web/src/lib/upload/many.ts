// Small files on their way together: one request asks for room for all of them, one completes all that arrived. This is the
// quick path and no more: a file that anything is the matter with is left to `transfer`, which knows the reasons.
import type { CompletionAnswers, UploadAnswers } from '../api/types';
import type { UploadItem } from './item.svelte';
import { again, giveUp, isPaused, requestOf, type Sent, type World } from './transfer';

/** Files sent together at most: as many as a server takes. */
export const TOGETHER = 100;
/** A larger file is sent alone: its bytes take the time, not its requests. */
export const SMALL = 1 << 20;

/** A browser opens six connections to a host, of which the event stream holds one and requests want one. */
const AT_ONCE = 4;

export interface ManyWorld extends World {
  startMany(items: ReturnType<typeof requestOf>[], signal: AbortSignal): Promise<UploadAnswers>;
  completeMany(uploads: string[], signal: AbortSignal): Promise<CompletionAnswers>;
}

/** Sends small files; what each became, or nothing for one that is to be sent alone. */
export async function sendMany(
  items: readonly UploadItem[],
  world: ManyWorld,
  onSent: (item: UploadItem, bytes: number) => void,
  signal: AbortSignal,
): Promise<Map<UploadItem, Sent>> {
  const became = new Map<UploadItem, Sent>();
  const requests = items.map((item) => requestOf(item.file, item.sha256 ?? ''));
  const { answers } = await again(world, signal, () => world.startMany(requests, signal));
  const way: { item: UploadItem; upload: string; target: Parameters<World['put']>[0] }[] = [];
  for (const [index, answer] of answers.entries()) {
    const item = items[index];
    if (!item) continue;
    if (answer.outcome === 'duplicate') became.set(item, { asset: answer.asset, duplicate: true });
    if (answer.outcome !== 'upload') continue;
    item.upload = answer.upload.id;
    if (answer.target) way.push({ item, upload: answer.upload.id, target: answer.target });
  }
  const arrived = new Map<string, UploadItem>();
  let next = 0;
  const sendNext = async () => {
    for (let one = way[next++]; one; one = way[next++]) {
      const { item, upload, target } = one;
      const stop = AbortSignal.any([signal, item.abort.signal]);
      try {
        const body = item.file.slice(0, item.file.size, '');
        await world.put(target, body, (bytes) => onSent(item, Math.min(bytes, body.size)), stop);
        onSent(item, item.file.size);
        arrived.set(upload, item);
      } catch {
        // Cancelled: its room is given back. Anything else is for `transfer`, which goes on where this stopped.
        if (stop.aborted && !isPaused(stop)) giveUp(item, world);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendNext));
  if (signal.aborted) return became;
  for (const [upload, item] of arrived) {
    if (!item.abort.signal.aborted) continue;
    giveUp(item, world);
    arrived.delete(upload);
  }
  if (arrived.size === 0) return became;
  const uploads = [...arrived.keys()];
  const completed = await again(world, signal, () => world.completeMany(uploads, signal));
  for (const [index, answer] of completed.answers.entries()) {
    const item = arrived.get(uploads[index] ?? '');
    if (item && answer.outcome === 'completed') became.set(item, { asset: answer.asset, duplicate: false });
  }
  return became;
}
