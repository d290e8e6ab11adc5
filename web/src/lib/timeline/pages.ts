// The assets of some days, page by page from the server: whole for the grid, or only their ids for a selection, which may
// be of everything there is.
import { api } from '../api';
import { entriesOf, type Entry, type Work } from './entries';

/** The most the API gives at once. */
const PAGE = 1000;

/** The entries of each day from `newest` back to `oldest`; a day without any is absent. */
export async function entriesBetween(newest: string, oldest: string, signal: AbortSignal): Promise<Map<string, Entry[]>> {
  const days = new Map<string, Entry[]>();
  let cursor: string | undefined;
  do {
    const columns = await api.timelineAssets({ newest, oldest, limit: PAGE, ...(cursor ? { cursor } : {}) }, signal);
    for (const entry of entriesOf(columns)) {
      const entries = days.get(entry.day);
      if (entries) entries.push(entry);
      else days.set(entry.day, [entry]);
    }
    cursor = columns.next ?? undefined;
  } while (cursor !== undefined);
  return days;
}

/** The ids from `newest` back to `oldest`, of which there are about `count`. */
export async function idsBetween(newest: string, oldest: string, count: number, work: Work): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const columns = await api.timelineAssets({ newest, oldest, limit: PAGE, ...(cursor ? { cursor } : {}) }, work.signal);
    for (const id of columns.id) ids.push(id);
    cursor = columns.next ?? undefined;
    if (cursor !== undefined) work.progress(ids.length, Math.max(count, ids.length));
  } while (cursor !== undefined);
  return ids;
}
