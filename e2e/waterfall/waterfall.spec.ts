// The bench itself: visits over each protocol in turn, at one network after the other, then a table and two pictures.
import { test, type Browser } from '@playwright/test';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { counted } from './connections';
import { draw, end } from './draw';
import { Link, NETWORKS, WIRE, type Network } from './link';
import { lines, middle, table, type Cell, type Run } from './tell';
import { open, PROTOCOLS, signedIn, visit, type Protocol, type State } from './visit';

const env = (name: string): string => process.env[name] ?? '';
const folder = env('WATERFALL_FOLDER');
const quick = env('WATERFALL_QUICK') !== '';
const rounds = Number(env('WATERFALL_ROUNDS'));
const certificate = new X509Certificate(readFileSync(join(folder, 'certificate.pem')));
const password = readFileSync(join(folder, 'password'), 'utf8').trim();
const PICTURES = quick ? folder : join(import.meta.dirname, '../../docs/images');
/** The network of the two pictures: where one waits most. */
const DRAWN = NETWORKS.at(-1);

async function measure(browser: Browser, state: State): Promise<Run> {
  const before = await counted();
  const seen = await visit(browser, state);
  const after = await counted();
  return { ...seen, connections: after.connections - before.connections, requests: after.requests - before.requests };
}

/** Visits at one network: of each round, one over each protocol. */
async function compare(network: Network, door: Browser): Promise<Record<Protocol, Run[]>> {
  const browsers = await Promise.all(PROTOCOLS.map((protocol) => open(protocol, network.address, certificate)));
  const runs: Record<Protocol, Run[]> = { 'HTTP/1.1': [], 'HTTP/2': [] };
  // The first round wakes everything up, and does not count.
  for (let round = quick ? 1 : 0; round <= rounds; round++) {
    // Neither is always first.
    const order = round % 2 === 0 ? PROTOCOLS : PROTOCOLS.toReversed();
    for (const protocol of order) {
      const browser = browsers[PROTOCOLS.indexOf(protocol)];
      if (!browser) continue;
      const run = await measure(browser, await signedIn(door, env('WATERFALL_EMAIL'), password));
      check(run, protocol);
      if (round > 0) runs[protocol].push(run);
    }
  }
  await Promise.all(browsers.map((browser) => browser.close()));
  return runs;
}

function check(run: Run, protocol: Protocol): void {
  const wanted = protocol === 'HTTP/2' ? 'h2' : 'http/1.1';
  const other = run.asked.find(({ protocol: spoken, path }) => spoken !== wanted && spoken !== '' && path.startsWith('/media/'));
  if (other) throw new Error(`${other.path} came over ${other.protocol} instead of ${wanted}`);
}

test('waterfalls of the timeline', async () => {
  const link = await Link.open(env('WATERFALL_SERVER'));
  const door = await open('HTTP/2', WIRE.address, certificate);
  const cells: Cell[] = [];
  for (const network of NETWORKS.filter((one) => !quick || one === DRAWN)) {
    await link.set(network);
    const runs = await compare(network, door);
    cells.push({ network: network.name, runs });
    if (network !== DRAWN) continue;
    const chosen = PROTOCOLS.map((protocol) => [protocol, middle(runs[protocol])] as const);
    const until = Math.max(...chosen.map(([, run]) => end(run)));
    for (const [protocol, run] of chosen) {
      const file = join(PICTURES, protocol === 'HTTP/2' ? 'waterfall-http2.svg' : 'waterfall-http1.svg');
      writeFileSync(file, draw(protocol, network.name, run, until));
    }
  }
  await door.close();
  await link.close();
  console.log(`\n${table(cells)}\n\n${lines(cells)}`);
});
