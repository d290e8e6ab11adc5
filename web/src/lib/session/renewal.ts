// When to renew a session: at 80 % of the shorter of its two lives, counted on the server's clock, because the clock of a
// phone may be hours wrong.
import type { Session } from '../api/types';

const SHARE = 0.8;
const SHORTEST_MS = 5_000;

/** What a browser remembers of a session. It holds no secret. */
export interface SessionNote {
  /** When to renew, on this device's clock. */
  renewAt: number;
  /** Whose it is. */
  account?: string;
}

/** No session is renewed as seldom as this: a note that says so was written before the device's clock was put right. */
const LONGEST_MS = 24 * 60 * 60_000;

/** Whether it is time to renew. */
export function isDue(note: SessionNote, now: number): boolean {
  return note.renewAt <= now || note.renewAt - now > LONGEST_MS;
}

export function renewalOf(session: Session, serverNow: Date, localNow: number): SessionNote {
  const ends = Math.min(Date.parse(session.expires_at), Date.parse(session.media_expires_at));
  const life = ends - serverNow.getTime();
  return { renewAt: localNow + Math.max(SHORTEST_MS, life * SHARE), account: session.account.id };
}

export function readSessionNote(text: string | undefined): SessionNote | undefined {
  try {
    const note = JSON.parse(text ?? 'null') as unknown;
    const { renewAt, account } = (note ?? {}) as Partial<SessionNote>;
    if (typeof renewAt !== 'number') return undefined;
    return typeof account === 'string' ? { renewAt, account } : { renewAt };
  } catch {
    return undefined;
  }
}
