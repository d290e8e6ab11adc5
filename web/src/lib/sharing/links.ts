// What the page says of share links, and what it asks for. Pure: the moment is an argument, so that tests can name it.
import type { ShareLink, ShareLinkEdit, ShareLinkRequest } from '../api/types';

/** Days after which a link ends. */
export const LIVES = [1, 7, 30, 365] as const;
export const USUAL_LIFE = '30';
const DAY_MS = 86_400_000;

/** A number of days, `never`, or `stay` for the end that a link has already. */
export type Ending = string;

/** What a person chose for a link. */
export interface Wishes {
  ending: Ending;
  /** Whether it asks for a password. */
  locked: boolean;
  /** The password; empty to leave the one there is. */
  password: string;
  download: boolean;
}

export function wishesOf(link: ShareLink | undefined): Wishes {
  return { ending: link ? 'stay' : USUAL_LIFE, locked: link?.password ?? false, password: '', download: link?.download ?? false };
}

/** When that is, for the server; null for never. */
export function momentOf(ending: Ending, now: number): string | null {
  return ending === 'never' ? null : new Date(now + Number(ending) * DAY_MS).toISOString();
}

export function requestOf(what: Pick<ShareLinkRequest, 'album' | 'assets'>, wishes: Wishes, now: number): ShareLinkRequest {
  const { ending, locked, password, download } = wishes;
  return { ...what, download, expires_at: momentOf(ending, now), ...(locked ? { password } : {}) };
}

/** What is to change of a link; what was not touched stays as it is. */
export function editOf(link: ShareLink, wishes: Wishes, now: number): ShareLinkEdit {
  const { ending, locked, password, download } = wishes;
  const edit: ShareLinkEdit = {};
  if (ending !== 'stay') edit.expires_at = momentOf(ending, now);
  if (!locked && link.password) edit.password = null;
  if (locked && password !== '') edit.password = password;
  if (download !== link.download) edit.download = download;
  return edit;
}
