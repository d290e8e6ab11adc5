// What several tabs of one browser must not do at once. Web Locks where there are any; they need a secure context, which a
// PicUp at home (`http://192.168.…`) is not, so there a lease in localStorage does the same, less strictly.
import { readNote, writeNote } from './notes';
import { randomName } from './random';

const LEASE_MS = 6_000;
const BEAT_MS = 2_000;
const SETTLE_MS = 40;

interface Lease {
  holder: string;
  until: number;
}

const me = randomName();

/** Runs `work` while no other tab runs work of that name. */
export async function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (navigator.locks) return await navigator.locks.request(`picup-${name}`, work);
  while (!(await takeLease(name))) await pause(100);
  try {
    return await work();
  } finally {
    dropLease(name);
  }
}

/** Calls `begin` once this tab is the one of its browser that does `name`; it stays so until it closes or stops. */
export function lead(name: string, begin: () => void): () => void {
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  if (navigator.locks) {
    const abort = new AbortController();
    navigator.locks
      .request(`picup-${name}`, { signal: abort.signal }, async () => {
        begin();
        await stopped;
      })
      .catch(() => undefined);
    return () => {
      abort.abort();
      stop();
    };
  }
  return leadByLease(name, begin);
}

function leadByLease(name: string, begin: () => void): () => void {
  let leading = false;
  const beat = async () => {
    if (!(await takeLease(name)) || leading) return;
    leading = true;
    begin();
  };
  const timer = setInterval(() => void beat(), BEAT_MS);
  void beat();
  return () => {
    clearInterval(timer);
    if (leading) dropLease(name);
  };
}

async function takeLease(name: string): Promise<boolean> {
  const held = readLease(name);
  if (held && held.holder !== me && held.until > Date.now()) return false;
  writeNote(`lease.${name}`, JSON.stringify({ holder: me, until: Date.now() + LEASE_MS } satisfies Lease));
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
