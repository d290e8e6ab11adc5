// What the roles of an album are called.
import type { AlbumRole } from '../../lib/api/types';
import { t } from '../../lib/i18n/i18n.svelte';

export function roleName(role: AlbumRole): string {
  const names = {
    viewer: t('members.viewer'),
    contributor: t('members.contributor'),
    manager: t('members.manager'),
    owner: t('members.owner'),
  };
  return names[role];
}
