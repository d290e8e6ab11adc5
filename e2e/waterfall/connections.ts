// What PicUp itself counts, on its admin listener: connections that were made, and requests.
import { WIRE } from './link';

/** All of a visit: what the service worker fetches, and the jump, are in it. */
export interface Counted {
  connections: number;
  requests: number;
}

export async function counted(): Promise<Counted> {
  const answer = await fetch(`http://${WIRE.address}:9090/metrics`);
  const lines = (await answer.text()).split('\n');
  const sum = (pattern: RegExp): number =>
    lines.filter((line) => pattern.test(line)).reduce((all, line) => all + Number(line.split(' ').at(-1)), 0);
  return {
    connections: sum(/^tls_handshakes_total\{.*result="done"/),
    requests: sum(/^http_server_request_duration_seconds_count\{/),
  };
}
