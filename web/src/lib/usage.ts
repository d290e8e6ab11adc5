// How full an account is, as people need to know it.
import type { Account } from './api/types';

export interface Usage {
  quota: number | undefined;
  /** Of the quota, from 0 to 100. */
  usedShare: number;
  /** What uploads under way have been promised, as far as the bar has room. */
  reservedShare: number;
  level: 'roomy' | 'nearly' | 'full';
  free: number | undefined;
}

const NEARLY = 90;

export function usageOf(account: Pick<Account, 'quota_bytes' | 'used_bytes' | 'reserved_bytes'>): Usage {
  const quota = account.quota_bytes ?? undefined;
  if (quota === undefined) return { quota, usedShare: 0, reservedShare: 0, level: 'roomy', free: undefined };
  const taken = account.used_bytes + account.reserved_bytes;
  // An account may have a quota of nothing, and then nothing fits.
  const share = (value: number) => (quota === 0 ? 100 : Math.min(100, (value / quota) * 100));
  const usedShare = share(account.used_bytes);
  const level = taken >= quota ? 'full' : share(taken) >= NEARLY ? 'nearly' : 'roomy';
  return { quota, usedShare, reservedShare: share(taken) - usedShare, level, free: Math.max(0, quota - taken) };
}
