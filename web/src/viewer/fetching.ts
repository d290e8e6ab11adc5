// Why a picture or a video did not come. An element only says that it did not; this asks, so that a person is told the truth.
import { connection } from '../lib/connection.svelte';
import { hasRight } from '../lib/lists/address.svelte';
import { session } from '../lib/session/session.svelte';

/** `offline`: the server does not answer; `refused`: it does not give it; `unreadable`: it does, but this browser cannot use it. */
export type WhyNot = 'offline' | 'refused' | 'unreadable';

export async function whyNot(address: string, signal: AbortSignal): Promise<WhyNot> {
  try {
    const first = await fetch(address, { method: 'HEAD', signal });
    if (first.ok) return 'unreadable';
    // The right to look at media is a cookie of an hour, which a device that slept may have lost.
    if (first.status !== 403 || hasRight(address) || !(await session.renew())) return 'refused';
    return (await fetch(address, { method: 'HEAD', signal })).ok ? 'unreadable' : 'refused';
  } catch {
    if (!signal.aborted) connection.report();
    return 'offline';
  }
}
