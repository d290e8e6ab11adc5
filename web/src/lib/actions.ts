// What a person does with assets, from the timeline, a list or the viewer, and what they are told of it. Each answers whether
// anything changed, so that a list that is no timeline can be fetched again.
import { api } from './api';
import type { Album } from './api/types';
import { t } from './i18n/i18n.svelte';
import { notices, type Action } from './notices.svelte';
import { forEach, type Outcome } from './outcome';

export async function setFavourite(assets: readonly string[], favourite: boolean): Promise<boolean> {
  const outcome = await attempt(assets, (batch) => api.assetsFavourite(batch, favourite));
  return tell(outcome, t(favourite ? 'favourites.added' : 'favourites.removed', { count: sum(outcome) }));
}

/** Puts assets into the trash, and offers to take them back. `whenBack` is called after they were. */
export async function moveToTrash(assets: readonly string[], whenBack: () => void = () => undefined): Promise<boolean> {
  const outcome = await attempt(assets, api.assetsTrash);
  const undo = async () => {
    if (outcome && (await restore(outcome.done))) whenBack();
  };
  return tell(outcome, t('trash.moved', { count: sum(outcome) }), { action: { label: t('action.undo'), run: () => void undo() } });
}

export async function restore(assets: readonly string[]): Promise<boolean> {
  const outcome = await attempt(assets, api.assetsRestore);
  return tell(outcome, t('trash.restored', { count: sum(outcome) }));
}

/** Deletes assets of the trash for ever. Whoever calls it has asked the person before. */
export async function deleteForever(assets: readonly string[]): Promise<boolean> {
  const outcome = await attempt(assets, api.assetsDelete);
  return tell(outcome, t('trash.deleted', { count: sum(outcome) }));
}

export async function addToAlbum(album: Album, assets: readonly string[]): Promise<boolean> {
  const outcome = await attempt(assets, (batch) => api.albumAdd(album.id, batch));
  const already = outcome && outcome.unchanged.length > 0 ? t('album.already', { count: outcome.unchanged.length }) : undefined;
  return tell(outcome, t('album.added', { count: outcome?.done.length ?? 0, title: album.title }), { detail: already });
}

export async function removeFromAlbum(album: string, assets: readonly string[]): Promise<boolean> {
  const outcome = await attempt(assets, (batch) => api.albumRemove(album, batch));
  return tell(outcome, t('album.removed', { count: outcome?.done.length ?? 0 }));
}

async function attempt(assets: readonly string[], ask: Parameters<typeof forEach>[1]): Promise<Outcome | undefined> {
  try {
    return await forEach(assets, ask);
  } catch (error) {
    notices.fail(error);
    return undefined;
  }
}

/** `title` says what was done, of which there may be nothing. */
function tell(outcome: Outcome | undefined, title: string, more: { detail?: string | undefined; action?: Action } = {}): boolean {
  if (!outcome) return false;
  const missing = outcome.failed.length > 0 ? t('items.missing', { count: outcome.failed.length }) : undefined;
  const detail = [more.detail, missing].filter(Boolean).join(' · ');
  const changed = outcome.done.length > 0;
  if (changed || outcome.unchanged.length > 0) notices.say(title, detail, changed ? more.action : undefined);
  else if (missing) notices.say(missing);
  return changed;
}

const sum = (outcome: Outcome | undefined): number => (outcome ? outcome.done.length + outcome.unchanged.length : 0);
