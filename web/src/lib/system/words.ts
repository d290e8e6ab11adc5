// What the server says of itself in words that stay the same, in the page's language. A word that this page does not know yet
// is shown as the server said it.
import type { SystemAdvice, SystemState } from '../api/types';
import { t, type MessageKey } from '../i18n/i18n.svelte';

const STATES: Record<SystemState, MessageKey> = {
  good: 'system.good',
  attention: 'system.attention',
  bad: 'system.bad',
};

const ADVICE: Record<string, MessageKey> = {
  'database-answers': 'system.advice.databaseAnswers',
  'database-schema': 'system.advice.databaseSchema',
  'database-journal': 'system.advice.databaseJournal',
  'database-counts': 'system.advice.databaseCounts',
  'primary-away': 'system.advice.primaryAway',
  'replica-out': 'system.advice.replicaOut',
  'storage-there': 'system.advice.storageThere',
  'storage-writable': 'system.advice.storageWritable',
  'storage-private': 'system.advice.storagePrivate',
  'storage-space': 'system.advice.storageSpace',
  'storage-full': 'system.advice.storageFull',
  'storage-silent': 'system.advice.storageSilent',
  'backup-none': 'system.advice.backupNone',
  'backup-failing': 'system.advice.backupFailing',
  'backup-behind': 'system.advice.backupBehind',
  'backup-no-catalogue': 'system.advice.backupNoCatalogue',
  'backup-catalogue-old': 'system.advice.backupCatalogueOld',
  'backup-no-recovery-key': 'system.advice.backupNoRecoveryKey',
  'backup-paused': 'system.advice.backupPaused',
  'removals-held': 'system.advice.removalsHeld',
  'orphans-held': 'system.advice.orphansHeld',
  'drill-never': 'system.advice.drillNever',
  'drill-old': 'system.advice.drillOld',
  'drill-failed': 'system.advice.drillFailed',
  ffmpeg: 'system.advice.ffmpeg',
  ffprobe: 'system.advice.ffmpeg',
  'media-child': 'system.advice.mediaChild',
  'media-silent': 'system.advice.mediaSilent',
  'assets-damaged': 'system.advice.assetsDamaged',
  'motions-damaged': 'system.advice.motionsDamaged',
  'cache-unkept': 'system.advice.cacheUnkept',
  'cache-broken': 'system.advice.cacheBroken',
  'jobs-given-up': 'system.advice.jobsGivenUp',
  'jobs-stuck': 'system.advice.jobsStuck',
  'quota-near': 'system.advice.quotaNear',
  'quota-full': 'system.advice.quotaFull',
};

/** Advice whose detail says no more than the page shows beside it. */
const SAID = new Set(['primary-away', 'media-silent', 'assets-damaged', 'motions-damaged', 'jobs-given-up', 'jobs-stuck', 'quota-near', 'quota-full']);

const JOBS: Record<string, MessageKey> = {
  process: 'system.job.process',
  verify_motion: 'system.job.verifyMotion',
  empty_trash: 'system.job.emptyTrash',
  erase_account: 'system.job.eraseAccount',
};

const ROLES: Record<string, MessageKey> = {
  gateway: 'system.role.gateway',
  api: 'system.role.api',
  worker: 'system.role.worker',
};

const PLACES: Record<string, MessageKey> = { files: 'system.store.files', s3: 'system.store.s3', memory: 'system.store.memory' };
const SANDBOXES: Record<string, MessageKey> = { limits: 'system.sandbox.limits' };
const ENGINES: Record<string, string> = { sqlite: 'SQLite', mysql: 'MySQL, MariaDB' };

const known = (words: Record<string, MessageKey>, word: string): string => {
  const key = Object.hasOwn(words, word) ? words[word] : undefined;
  return key === undefined ? word : t(key);
};

export const stateWord = (state: SystemState): string => t(STATES[state]);
export const jobWord = (kind: string): string => known(JOBS, kind);
export const roleWord = (role: string): string => known(ROLES, role);
export const storeWord = (kind: string): string => known(PLACES, kind);
const REFUSALS: Record<string, MessageKey> = {
  unsigned: 'system.refusal.unsigned',
  malformed: 'system.refusal.malformed',
  expired: 'system.refusal.expired',
  not_yet: 'system.refusal.notYet',
  resource: 'system.refusal.resource',
  address: 'system.refusal.address',
  unknown_key: 'system.refusal.unknownKey',
  signature: 'system.refusal.signature',
  limited: 'system.refusal.limited',
  algorithm: 'system.refusal.malformed',
  audience: 'system.refusal.audience',
  lifetime: 'system.refusal.lifetime',
};

/** Why requests for photos were refused. */
export const refusalWord = (reason: string): string => known(REFUSALS, reason);

/** How much of what is asked for the cache has; nothing before anything was. */
export function hitRate({ hits, misses }: { hits: number; misses: number }): string | undefined {
  const all = hits + misses;
  return all === 0 ? undefined : t('system.delivery.rate', { percent: Math.floor((hits / all) * 100) });
}

export const sandboxWord = (sandbox: string): string => known(SANDBOXES, sandbox);
export const engineWord = (engine: string): string => (Object.hasOwn(ENGINES, engine) && ENGINES[engine]) || engine;

/** What to do, and the server's own English words where they tell more. */
export function adviceWords(advice: SystemAdvice): { text?: string; detail?: string } {
  if (!Object.hasOwn(ADVICE, advice.code)) return { detail: advice.detail };
  const text = known(ADVICE, advice.code);
  return SAID.has(advice.code) ? { text } : { text, detail: advice.detail };
}

/** A time that has passed, in its largest unit: `3 days`. */
export function elapsed(language: string, seconds: number): string {
  const units = [['day', 86_400], ['hour', 3_600], ['minute', 60]] as const;
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? ['second', 1];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.floor(seconds / size));
}

/** A time of day, to the second. */
export function clockWords(language: string, moment: Date): string {
  return new Intl.DateTimeFormat(language, { timeStyle: 'medium' }).format(moment);
}

/** A short time: `0.4 ms`, `120 ms`. */
export function milliseconds(language: string, value: number): string {
  const digits = value < 10 ? 1 : 0;
  return new Intl.NumberFormat(language, {
    style: 'unit',
    unit: 'millisecond',
    unitDisplay: 'short',
    maximumFractionDigits: digits,
  }).format(value);
}
