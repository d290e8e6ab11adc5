// What several tabs of one browser must not do at once. Web Locks where there are any; they need a secure context, which a
// PicUp at home (`http://192.168.…`) is not, so there a lease in localStorage does the same, less strictly.
import { readNote, writeNote } from './notes';
import { randomName } from './random';

/** What a tab does once takes no longer than that. */
const LEASE_MS = 6_000;
/** Who leads says so again and again; a browser lets a tab in the background do that once a minute. */
const LEAD_MS = 150_000;
const BEAT_MS = 2_000;
const SETTLE_MS = 40;
/** In which what one tab has noted down comes to the others, however busy they are. */
const HANDOVER_MS = 300;

interface Lease {
  holder: string;
  until: number;
}

const me = randomName();

/** Runs `work` while no other tab runs work of that name. */
export async function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (navigator.locks) {
    return await new Promise((resolve, reject) => {
      const held = async () => {
        await work().then(resolve, reject);
        // What was noted down meanwhile comes to the other tabs in its own time.
        await pause(HANDOVER_MS);
      };
      navigator.locks.request(`picup-${name}`, held).catch(reject);
    });
  }
  while (!(await takeLease(name, LEASE_MS))) await pause(100);
  try {
    return await work();
  } finally {
    dropLease(name);
  }
}

/**
 * Calls `begin` once this tab is the one of its browser that does `name`; it stays so until it closes or stops. What `begin` gives
 * ends what it began.
 */
export function lead(name: string, begin: () => (() => void) | void): () => void {
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  if (navigator.locks) {
    const abort = new AbortController();
    navigator.locks
      .request(`picup-${name}`, { signal: abort.signal }, async () => {
        const end = begin();
        await stopped;
        end?.();
      })
      .catch(() => undefined);
    return () => {
      abort.abort();
      stop();
    };
  }
  return leadByLease(name, begin);
}

function leadByLease(name: string, begin: () => (() => void) | void): () => void {
  let end: (() => void) | void;
  let leading = false;
  const beat = async () => {
    const took = await takeLease(name, LEAD_MS);
    if (took === leading) return;
    leading = took;
    if (took) end = begin();
    // It slept for longer than its lease, and another one leads by now.
    else end?.();
  };
  const drop = () => dropLease(name);
  const timer = setInterval(() => void beat(), BEAT_MS);
  addEventListener('pagehide', drop);
  void beat();
  return () => {
    clearInterval(timer);
    removeEventListener('pagehide', drop);
    if (!leading) return;
    end?.();
    drop();
  };
}

async function takeLease(name: string, milliseconds: number): Promise<boolean> {
  const held = readLease(name);
  if (held && held.holder !== me && held.until > Date.now()) return false;
  writeNote(`lease.${name}`, JSON.stringify({ holder: me, until: Date.now() + milliseconds } satisfies Lease));
  if (held?.holder === me) return true;
  await pause(SETTLE_MS);
  return readLease(name)?.holder === me;
}

function dropLease(name: string): void {
  if (readLease(name)?.holder === me) writeNote(`lease.${name}`, undefined);
}

function readLease(name: string): Lease | undefined {
  try {
    return JSON.parse(readNote(`lease.${name}`) ?? 'null') as Lease | undefined;
  } catch {
    return undefined;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
