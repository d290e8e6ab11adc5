// How full something is, as people need to know it.
import type { Account } from './api/types';
import { ago, bytes } from './format';
import { i18n, t } from './i18n/i18n.svelte';

export type Level = 'roomy' | 'nearly' | 'full';

export interface Usage {
  quota: number | undefined;
  /** Of the quota, from 0 to 100. */
  usedShare: number;
  /** What uploads under way have been promised, as far as the bar has room. */
  reservedShare: number;
  level: Level;
  free: number | undefined;
}

const NEARLY = 90;

/** Of a share from 0 to 100. */
export function levelOf(share: number): Level {
  return share >= 100 ? 'full' : share >= NEARLY ? 'nearly' : 'roomy';
}

/** Such as “3 GB of 10 GB used”. */
export function usageWords(used: number, quota: number | null | undefined): string {
  const words = { used: bytes(i18n.locale, used) };
  return quota == null ? t('usage.used', words) : t('usage.of', { ...words, quota: bytes(i18n.locale, quota) });
}

/** When a restore was last rehearsed, such as “Restore rehearsed 3 days ago”; nothing where no copies are kept elsewhere. */
export function rehearsedWords(account: Pick<Account, 'backup'>, now: number): string | undefined {
  if (!account.backup) return undefined;
  const at = account.backup.rehearsed_at;
  if (at == null) return t('usage.unrehearsed');
  return t('usage.rehearsed', { ago: ago(i18n.locale, (now - Date.parse(at)) / 1000) });
}

export function usageOf(account: Pick<Account, 'quota_bytes' | 'used_bytes' | 'reserved_bytes'>): Usage {
  const quota = account.quota_bytes ?? undefined;
  if (quota === undefined) return { quota, usedShare: 0, reservedShare: 0, level: 'roomy', free: undefined };
  const taken = account.used_bytes + account.reserved_bytes;
  // An account may have a quota of nothing, and then nothing fits.
  const share = (value: number) => (quota === 0 ? 100 : Math.min(100, (value / quota) * 100));
  const usedShare = share(account.used_bytes);
  return { quota, usedShare, reservedShare: share(taken) - usedShare, level: levelOf(share(taken)), free: Math.max(0, quota - taken) };
}
