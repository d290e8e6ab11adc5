// The server's hints that something changed. One tab of a browser holds the stream, because a browser gives a host only six
// connections; it tells the others.
import type { Change } from './api/types';
import { lead } from './tabs';

export type Hint = Change | { kind: 'reset' };

const REOPEN_MS = 3_000;

/** Calls `hear` with every hint, until the returned function is called. `renew` makes the session fit to connect again. */
export function listen(hear: (hint: Hint) => void, renew: () => Promise<boolean>): () => void {
  const channel = new BroadcastChannel('picup-events');
  channel.onmessage = (message: MessageEvent<Hint>) => hear(message.data);
  const tell = (hint: Hint) => {
    hear(hint);
    channel.postMessage(hint);
  };
  const stopLeading = lead('events', () => stream(tell, renew));
  return () => {
    stopLeading();
    channel.close();
  };
}

function stream(tell: (hint: Hint) => void, renew: () => Promise<boolean>): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const open = () => {
    if (stopped) return;
    source = new EventSource('/api/events');
    source.addEventListener('change', (event) => {
      const change = parseChange(event.data);
      if (change) tell(change);
    });
    // Also the first word of every connection: what was said before it, nobody heard.
    source.addEventListener('reset', () => tell({ kind: 'reset' }));
    source.addEventListener('error', () => {
      // A browser reconnects by itself after a cut line, but gives up after a refusal, such as an ended session.
      if (source?.readyState === EventSource.CLOSED) timer = setTimeout(() => void reopen(), REOPEN_MS);
    });
  };
  const reopen = async () => {
    const fit = await renew().catch(() => true);
    if (fit) open();
  };
  open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    source?.close();
  };
}

/** A change this page understands; a later server may tell of more. */
export function parseChange(data: unknown): Change | undefined {
  try {
    const change = JSON.parse(String(data)) as Change;
    return change.kind === 'asset' || change.kind === 'album' ? change : undefined;
  } catch {
    return undefined;
  }
}
