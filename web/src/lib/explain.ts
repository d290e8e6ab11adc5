// What went wrong, in a person's words. What the server explains itself is shown as it said it, with the request's id, by
// which its log can be searched.
import { ConnectionLost, isReadOnly, isStoreAway, ProblemError } from './api';
import { t } from './i18n/i18n.svelte';

export interface Explanation {
  title: string;
  detail?: string;
  request?: string;
}

export function explain(error: unknown): Explanation {
  if (error instanceof ConnectionLost) return { title: t('error.unanswered') };
  if (error instanceof ProblemError) return ofProblem(error);
  // A file that was moved, changed or taken away between choosing and reading it.
  if (error instanceof DOMException) return { title: t('error.changed') };
  return { title: t('error.title'), detail: error instanceof Error ? error.message : String(error) };
}

/** Whether the account has no room for it. */
export function isQuota(error: unknown): boolean {
  return error instanceof ProblemError && error.type === 'urn:picup:quota-exceeded';
}

function ofProblem(problem: ProblemError): Explanation {
  const request = problem.requestId === undefined ? {} : { request: problem.requestId };
  const known = knownTitle(problem);
  if (known !== undefined) return { title: known, ...request };
  return { title: problem.message || t('error.title'), ...(problem.detail ? { detail: problem.detail } : {}), ...request };
}

function knownTitle(problem: ProblemError): string | undefined {
  if (problem.type === 'urn:picup:wrong-credentials') return t('signin.wrong');
  if (isQuota(problem)) return t('error.quota');
  if (isReadOnly(problem)) return t('error.readOnly');
  if (isStoreAway(problem)) return t('error.storeAway');
  if (problem.type === 'urn:picup:wrong-link-password') return t('shared.wrongPassword');
  if (problem.type === 'urn:picup:no-such-person') return t('members.nobody');
  if (problem.type === 'urn:picup:album-role-needed') return t('members.roleNeeded');
  if (problem.status === 429) return t('error.many');
  // PicUp's own refusals say what they are.
  if (problem.status === 413 && problem.type === 'about:blank') return t('error.refusedBefore');
  if (problem.status === 404) return t('error.notFound');
  return undefined;
}
