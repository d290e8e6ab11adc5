// Who is signed in. The tokens themselves are in cookies that no script can read; this knows only when to renew them, and
// sees to it that several tabs do not spend the one-time refresh token twice.
import { api, ConnectionLost, isReadOnly, isStatus } from '../api';
import type { Answer } from '../api/client';
import type { Account, InvitationAcceptance, Session as SessionWire, SetupRequest, SignInRequest } from '../api/types';
import { connection } from '../connection.svelte';
import { readNote, writeNote } from '../notes';
import { exclusively } from '../tabs';
import { isDue, readSessionNote, renewalOf, type SessionNote } from './renewal';

const NOTE = 'session';
/** In the note's place after a person signed out, rather than that a session ended by itself. */
const SIGNED_OUT = 'out';
/** A timer that is set for longer may overflow, and would sleep through a clock that is put right. */
const LONGEST_SLEEP_MS = 60 * 60_000;

const RETRY_MS = 5_000;

export type Phase = 'starting' | 'unclaimed' | 'out' | 'in';

class Session {
  /** `unclaimed`: this PicUp waits for its first account. */
  phase = $state<Phase>('starting');
  account = $state.raw<Account | undefined>(undefined);
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** It ended by itself, or was ended elsewhere: nobody here signed out. */
  lost = $state(false);
  #forget: () => Promise<void> = async () => undefined;
  #whenLost: () => void = () => undefined;
  #renewing: Promise<boolean> | undefined;

  /** Follows other tabs, and the device waking up. Called once. */
  listen(): void {
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && !this.#follow()) this.#renewIfDue();
    });
    window.addEventListener('storage', () => this.#follow());
  }

  /** Calls `work` when what this page does for its account is to end and be forgotten: it signs out, here or in another tab. */
  whenForgotten(work: () => Promise<void>): void {
    this.#forget = work;
  }

  /** Calls `work` when the session ends though nobody signed out: what is under way may go on if the same person comes back. */
  whenLost(work: () => void): void {
    this.#whenLost = work;
  }

  /** Does what another tab did: signed out, in, or in as somebody else. True when that changed this page. */
  #follow(): boolean {
    const note = this.#note();
    const signedOut = readNote(NOTE) === SIGNED_OUT;
    if (signedOut) void this.#forget();
    if (this.phase === 'out' && note) this.#startAgain();
    else if (this.phase === 'in' && !note) this.#leave(signedOut);
    else if (this.phase === 'in' && note?.account !== undefined && note.account !== this.account?.id) this.#change();
    else return false;
    return true;
  }

  /** The cookies are another account's by now: nothing of the old one may be shown, or done, any more. */
  #change(): void {
    clearTimeout(this.#timer);
    this.phase = 'starting';
    this.account = undefined;
    void this.#forget();
    this.#startAgain();
  }

  /** Starts, however often it takes. */
  #startAgain(): void {
    clearTimeout(this.#timer);
    this.start().catch(() => {
      this.#timer = setTimeout(() => this.#startAgain(), RETRY_MS);
    });
  }

  /** Finds out who is signed in. Asks for nothing that it could be refused when nobody is. */
  async start(): Promise<void> {
    const note = this.#note();
    if (!note) return await this.#meetStranger();
    if (isDue(note, Date.now()) && !(await this.#renewOrLook())) return;
    const tried = readNote(NOTE);
    try {
      this.account = await api.account();
      this.#enter();
    } catch (error) {
      // Anything else is the server's trouble, and no reason to sign anybody out.
      if (!isEnded(error)) throw error;
      if (readNote(NOTE) !== tried) return await this.start();
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
    // It would end nothing on the server, and yet have ended what the page does.
    if (connection.lost) throw new ConnectionLost();
    await this.#forget();
    try {
      await exclusively('session', () => api.signOut());
    } catch (error) {
      // Already ended on the server: then there is only this page to tell.
      if (!isEnded(error)) throw error;
    }
    this.#signedOut();
  }

  /** Renews the session, or learns that another tab just did; false when it has ended. */
  renew(): Promise<boolean> {
    this.#renewing ??= this.#renewAlone().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  /** Fetches the account again, for its usage. */
  async refreshAccount(): Promise<void> {
    if (this.phase !== 'in') return;
    const account = await api.account();
    if (this.phase === 'in' && this.account?.id === account.id) this.account = account;
  }

  /** All its sessions have been ended on the server. */
  async ended(): Promise<void> {
    await this.#forget();
    this.#signedOut();
  }

  /** While nothing can be written, nobody can renew a session, and the server lets look with an old one. */
  async #renewOrLook(): Promise<boolean> {
    try {
      return await this.renew();
    } catch (error) {
      if (isReadOnly(error)) return true;
      throw error;
    }
  }

  async #renewAlone(): Promise<boolean> {
    const before = this.#note()?.renewAt ?? 0;
    let tried: string | undefined;
    try {
      return await exclusively('session', async () => {
        const note = this.#note();
        if (!note) return this.#leave(readNote(NOTE) === SIGNED_OUT);
        if (note.renewAt !== before && !isDue(note, Date.now())) return this.#goOnWith(note);
        tried = readNote(NOTE);
        this.#adopt(await api.renew());
        return true;
      });
    } catch (error) {
      if (!isEnded(error)) throw error;
      const note = this.#note();
      return note && readNote(NOTE) !== tried ? this.#goOnWith(note) : this.#refused();
    }
  }

  /** Another tab has noted down a session that is good. */
  #goOnWith(note: SessionNote): true {
    if (!this.#follow()) this.#schedule(note);
    return true;
  }

  #adopt(answer: Answer<SessionWire>): void {
    const note = renewalOf(answer.value, answer.date ?? new Date(), Date.now());
    writeNote(NOTE, JSON.stringify(note));
    this.account = answer.value.account;
    this.#schedule(note);
    this.lost = false;
    this.phase = 'in';
  }

  #enter(): void {
    const note = this.#note();
    if (note) this.#schedule(note);
    this.lost = false;
    this.phase = 'in';
    // Another tab may have signed out meanwhile, or in as somebody else.
    this.#follow();
  }

  #signedOut(): void {
    this.#leave(true);
    writeNote(NOTE, SIGNED_OUT);
  }

  #refused(): false {
    this.#leave();
    writeNote(NOTE, undefined);
    return false;
  }

  /** Of this page alone: what the tabs share, whoever ended the session has written, and another may have begun since. */
  #leave(signedOut = false): false {
    clearTimeout(this.#timer);
    if (signedOut) this.lost = false;
    else if (this.phase === 'in' || this.#note()) this.lost = true;
    this.account = undefined;
    this.phase = 'out';
    if (this.lost) this.#whenLost();
    return false;
  }

  async #meetStranger(): Promise<void> {
    if (this.#note()) this.#refused();
    else this.#leave();
    this.phase = 'starting';
    this.phase = (await api.setup()).open ? 'unclaimed' : 'out';
    // Another tab may have signed in meanwhile.
    this.#follow();
  }

  #note(): SessionNote | undefined {
    return readSessionNote(readNote(NOTE));
  }

  #schedule(note: SessionNote): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#renewIfDue(),
      Math.min(LONGEST_SLEEP_MS, Math.max(0, note.renewAt - Date.now())),
    );
  }

  #renewIfDue(): void {
    const note = this.#note();
    if (this.phase !== 'in') return;
    if (note && !isDue(note, Date.now())) this.#schedule(note);
    else this.renew().catch(() => this.#retryLater());
  }

  #retryLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#renewIfDue(), RETRY_MS);
  }
}

const isEnded = (error: unknown) => isStatus(error, 401);

export const session = new Session();
