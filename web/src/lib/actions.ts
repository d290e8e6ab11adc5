// What a person does with assets, from the timeline, a list or the viewer, and what they are told of it: what was done, each
// that could not be served, and what is left when the work stopped half-way. Each answers whether anything changed, so that a
// list that is no timeline can be fetched again.
import { runsOf } from './albums/moving';
import { api, ProblemError } from './api';
import type { Album, ItemResults } from './api/types';
import { explain, type Explanation } from './explain';
import { failures } from './failures.svelte';
import { t } from './i18n/i18n.svelte';
import { notices, type Action } from './notices.svelte';
import { BATCH, forEach, type Assets, type Failure, type Outcome, type Stop } from './outcome';
import type { Entry } from './timeline/entries';
import { undo } from './undo';

/** So many runs of photos are put back to their places in an album, one request each. */
const MOST_RUNS = 100;

/** One kind of work on many assets. */
interface Work {
  /** What it is called while it goes on. */
  name: string;
  ask: (batch: string[]) => Promise<ItemResults>;
  /** What is said of those that are done. */
  said: (outcome: Outcome) => string;
  detail?: (outcome: Outcome) => string | undefined;
  /** Takes back those that were done. */
  back?: (done: string[]) => Promise<unknown>;
}

/** What the page knows of an asset, so that one that failed can be shown though the server has it no more. */
let known: (id: string) => Entry | undefined = () => undefined;
export function knowing(find: typeof known): void {
  known = find;
}

export function setFavourite(assets: Assets, favourite: boolean): Promise<boolean> {
  return run(assets, {
    name: t(favourite ? 'action.favourite' : 'action.unfavourite'),
    ask: (batch) => api.assetsFavourite(batch, favourite),
    said: (outcome) => t(favourite ? 'favourites.added' : 'favourites.removed', { count: sum(outcome) }),
    back: (done) => setFavourite(done, !favourite),
  });
}

/** Puts assets into the trash, and offers to take them back. `whenBack` is called after they were. */
export function moveToTrash(assets: Assets, whenBack: () => void = () => undefined): Promise<boolean> {
  return run(assets, {
    name: t('action.trash'),
    ask: api.assetsTrash,
    said: (outcome) => t('trash.moved', { count: sum(outcome) }),
    back: async (done) => {
      if (await restore(done)) whenBack();
    },
  });
}

export function restore(assets: Assets): Promise<boolean> {
  return run(assets, {
    name: t('action.restore'),
    ask: api.assetsRestore,
    said: (outcome) => t('trash.restored', { count: sum(outcome) }),
  });
}

/** Deletes assets of the trash for ever. Whoever calls it has asked the person before. */
export function deleteForever(assets: Assets): Promise<boolean> {
  return run(assets, {
    name: t('action.deleteForever'),
    ask: api.assetsDelete,
    said: (outcome) => t('trash.deleted', { count: sum(outcome) }),
  });
}

export function addToAlbum(album: Album, assets: Assets): Promise<boolean> {
  return run(assets, {
    name: t('action.addToAlbum'),
    ask: (batch) => api.albumAdd(album.id, batch),
    said: ({ done }) => t('album.added', { count: done.length, title: album.title }),
    detail: ({ unchanged }) => (unchanged.length > 0 ? t('album.already', { count: unchanged.length }) : undefined),
    back: (done) => removeFromAlbum(album.id, done),
  });
}

export async function setCover(album: string, asset: string): Promise<boolean> {
  try {
    await api.albumCover(album, asset);
    notices.say(t('album.coverSet'));
    return true;
  } catch (error) {
    notices.fail(error);
    return false;
  }
}

/** Takes assets out of an album; with its `order` from before, they can go back to their places. */
export function removeFromAlbum(album: string, assets: Assets, order?: readonly string[]): Promise<boolean> {
  return run(assets, {
    name: t('action.removeFromAlbum'),
    ask: (batch) => api.albumRemove(album, batch),
    said: ({ done }) => t('album.removed', { count: done.length }),
    ...(order ? { back: (done: string[]) => putBack(album, done, order) } : {}),
  });
}

/** Back into an album, each to its place; very many places are left as they are, at the end. */
async function putBack(album: string, assets: string[], order: readonly string[]): Promise<void> {
  await run(assets, {
    name: t('action.undo'),
    ask: (batch) => api.albumAdd(album, batch),
    said: (outcome) => t('album.putBack', { count: sum(outcome) }),
  });
  const runs = runsOf(order, new Set(assets)).flatMap(({ run, before }) => inBatches(run).map((batch) => ({ batch, before })));
  if (runs.length > MOST_RUNS) return;
  for (const { batch, before } of runs) await api.albumOrder(album, batch, before);
}

const inBatches = (ids: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, index) => ids.slice(index * BATCH, (index + 1) * BATCH));

async function run(assets: Assets, work: Work): Promise<boolean> {
  const outcome = await watched(assets, work);
  for (const one of outcome.failed) one.entry = known(one.asset);
  tell(outcome, work);
  return outcome.done.length > 0;
}

/** Shows how far it is, and lets the person stop it, as soon as one batch is not all. */
async function watched(assets: Assets, work: Work): Promise<Outcome> {
  const stop = new AbortController();
  let running: ReturnType<typeof notices.begin> | undefined;
  const onprogress = (over: number, total: number | undefined) => {
    if (over === 0 && (total === undefined || total <= BATCH)) return;
    running ??= notices.begin(work.name, () => stop.abort());
    running.over = over;
    running.total = total;
  };
  const outcome = await forEach(assets, work.ask, { signal: stop.signal, onprogress });
  if (running) notices.end(running);
  return outcome;
}

function tell(outcome: Outcome, work: Work): void {
  const { stopped } = outcome;
  const some = sum(outcome) > 0;
  const show = showing(outcome.failed, work);
  const goOn = stopped && goingOn(stopped, work, some);
  const why = stopped?.error === undefined ? undefined : explain(stopped.error);
  const details = [
    some ? work.detail?.(outcome) : undefined,
    some && outcome.failed.length > 0 ? t('items.failed', { count: outcome.failed.length }) : undefined,
    ...(stopped ? whyStopped(stopped, some, why) : []),
  ];
  if (!some && !show && !stopped) return;
  const nothing = stopped ? t('items.stopped') : t('items.noneDone', { count: outcome.failed.length });
  const title = some ? work.said(outcome) : (why?.title ?? nothing);
  const detail = details.filter(Boolean).join(' · ');
  const said: Explanation = { title, ...(detail ? { detail } : {}), ...(why?.request ? { request: why.request } : {}) };
  const say = (...more: Action[]) => {
    const actions = [show, goOn, ...more].filter((one) => one !== undefined);
    return why || !some ? notices.warn(said, ...actions) : notices.say(said.title, said.detail, ...actions);
  };
  const { back } = work;
  if (back && outcome.done.length > 0) undo.offer(() => back(outcome.done), say);
  else say();
}

/** Half-way: how much is left, and why. */
function whyStopped(stopped: Stop, some: boolean, why: Explanation | undefined): (string | undefined)[] {
  const left = stopped.left === undefined ? t('items.restLeft') : t('items.left', { count: stopped.left });
  return [left, some ? why?.title : undefined, why?.detail];
}

/** The way on, unless the server has understood and would say no again. */
function goingOn(stopped: Stop, work: Work, some: boolean): Action | undefined {
  const { error, rest } = stopped;
  if (error instanceof ProblemError && error.status < 500 && error.status !== 429) return undefined;
  return { label: t(some || error === undefined ? 'items.goOn' : 'action.retry'), run: () => void run(rest, work), waits: true };
}

/** The way to see each of the failed ones. */
function showing(failed: readonly Failure[], work: Work): Action | undefined {
  if (failed.length === 0) return undefined;
  const retry = (assets: string[]) => void run(assets, work);
  return { label: t('items.show'), run: () => (failures.current = { failed, retry }), stays: true, waits: true };
}

const sum = (outcome: Outcome): number => outcome.done.length + outcome.unchanged.length;
