// Who is signed in. The tokens themselves are in cookies that no script can read; this knows only when to renew them, and
// sees to it that several tabs do not spend the one-time refresh token twice.
import { api, ProblemError } from '../api';
import type { Answer } from '../api/client';
import type { Account, InvitationAcceptance, Session as SessionWire, SetupRequest, SignInRequest } from '../api/types';
import { readNote, writeNote } from '../notes';
import { exclusively } from '../tabs';
import { readSessionNote, renewalOf, type SessionNote } from './renewal';

const NOTE = 'session';

export type Phase = 'starting' | 'unclaimed' | 'out' | 'in';

class Session {
  /** `unclaimed`: this PicUp waits for its first account. */
  phase = $state<Phase>('starting');
  account = $state.raw<Account | undefined>(undefined);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #renewing: Promise<boolean> | undefined;

  /** Follows other tabs, and the device waking up. Called once. */
  listen(): void {
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#renewIfDue();
    });
    window.addEventListener('storage', () => {
      const note = this.#note();
      if (this.phase === 'in' && !note) this.#leave();
      else if (this.phase === 'out' && note) void this.start();
    });
  }

  /** Finds out who is signed in. Asks for nothing that it could be refused when nobody is. */
  async start(): Promise<void> {
    const note = this.#note();
    if (!note) return await this.#meetStranger();
    if (note.renewAt <= Date.now() && !(await this.renew())) return;
    try {
      this.account = await api.account();
      this.#enter();
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      await this.#meetStranger();
    }
  }

  async setUp(request: Omit<SetupRequest, 'client'>): Promise<void> {
    this.#adopt(await api.setUp({ ...request, client: 'browser' }));
  }

  async accept(request: Omit<InvitationAcceptance, 'client'>): Promise<void> {
    this.#adopt(await api.acceptInvitation({ ...request, client: 'browser' }));
  }

  async signIn(request: Omit<SignInRequest, 'client'>): Promise<void> {
    this.#adopt(await api.signIn({ ...request, client: 'browser' }));
  }

  async signOut(): Promise<void> {
    try {
      await exclusively('session', () => api.signOut());
    } catch (error) {
      // Already ended on the server: then there is only this page to tell.
      if (!(error instanceof ProblemError && error.status === 401)) throw error;
    }
    this.#leave();
  }

  /** Renews the session, or learns that another tab just did; false when it has ended. */
  renew(): Promise<boolean> {
    this.#renewing ??= this.#renewAlone().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  /** Fetches the account again, for its usage. */
  async refreshAccount(): Promise<void> {
    if (this.phase === 'in') this.account = await api.account();
  }

  /** All its sessions have been ended on the server. */
  ended(): void {
    this.#leave();
  }

  async #renewAlone(): Promise<boolean> {
    const before = this.#note()?.renewAt ?? 0;
    try {
      return await exclusively('session', async () => {
        const note = this.#note();
        if (!note) return this.#leave();
        if (note.renewAt > before && note.renewAt > Date.now()) {
          this.#schedule(note);
          return true;
        }
        this.#adopt(await api.renew());
        return true;
      });
    } catch (error) {
      if (error instanceof ProblemError && error.status === 401) return this.#leave();
      throw error;
    }
  }

  #adopt(answer: Answer<SessionWire>): void {
    const note = renewalOf(answer.value, answer.date ?? new Date(), Date.now());
    writeNote(NOTE, JSON.stringify(note));
    this.account = answer.value.account;
    this.#schedule(note);
    this.phase = 'in';
  }

  #enter(): void {
    const note = this.#note();
    if (note) this.#schedule(note);
    this.phase = 'in';
  }

  #leave(): false {
    clearTimeout(this.#timer);
    writeNote(NOTE, undefined);
    this.account = undefined;
    this.phase = 'out';
    return false;
  }

  async #meetStranger(): Promise<void> {
    this.#leave();
    this.phase = 'starting';
    this.phase = (await api.setup()).open ? 'unclaimed' : 'out';
  }

  #note(): SessionNote | undefined {
    return readSessionNote(readNote(NOTE));
  }

  #schedule(note: SessionNote): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#renewIfDue(), Math.max(0, note.renewAt - Date.now()));
  }

  #renewIfDue(): void {
    const note = this.#note();
    if (this.phase !== 'in') return;
    if (note && note.renewAt > Date.now()) this.#schedule(note);
    else this.renew().catch(() => this.#retryLater());
  }

  #retryLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#renewIfDue(), 5_000);
  }
}

export const session = new Session();
