// Whether an album is shared, in words.
import type { Album } from '../api/types';
import { t } from '../i18n/i18n.svelte';

/** Who shares it, or with how many; empty for one that is shared with nobody. */
export function sharedWords({ role, owner_name, members }: Album): string {
  if (role !== 'owner') return t('shared.by', { name: owner_name });
  return members > 0 ? t('albums.sharedWith', { count: members }) : '';
}
