// One visit of somebody who was signed in before and whose browser has kept nothing else: opens the timeline, and jumps to its middle.
import { chromium, type Browser, type BrowserContext } from '@playwright/test';
import { createHash, X509Certificate } from 'node:crypto';
import { enter } from '../tests/picup';
import { arrived, moments, settled, watch } from './sight';

export const PROTOCOLS = ['HTTP/1.1', 'HTTP/2'] as const;
export type Protocol = (typeof PROTOCOLS)[number];
export type State = Awaited<ReturnType<BrowserContext['storageState']>>;

const ORIGIN = 'https://photos.test';
const LOOKS = { viewport: { width: 1920, height: 1080 }, locale: 'en-GB', timezoneId: 'Europe/Dublin' };

/** What Resource Timing says of one request, in milliseconds since the visit began. */
export interface Asked {
  path: string;
  protocol: string;
  started: number;
  /** When a connection began to be made for it, and was there; both are the same for one that was there already. */
  connecting: number;
  connected: number;
  sent: number;
  answered: number;
  ended: number;
}

export interface Visit {
  /** When the first thumbnail could be seen, when all of the first screen had come, and when they could be seen. */
  firstPicture: number;
  firstScreenCame: number;
  firstScreen: number;
  /** From the jump until all of that screen had come, and could be seen. */
  jumpCame: number;
  jump: number;
  /** Until all on the first screen could be seen, and what was around it had come. */
  asked: Asked[];
}

/** A browser that finds PicUp at an address, and knows its certificate. */
export function open(protocol: Protocol, address: string, certificate: X509Certificate): Promise<Browser> {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return chromium.launch({
    executablePath: process.env['PICUP_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      ...(protocol === 'HTTP/1.1' ? ['--disable-http2'] : []),
      `--host-resolver-rules=MAP photos.test ${address}`,
      `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`,
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** What a browser keeps of somebody who has signed in: cookies and notes, and nothing of the page. */
export async function signedIn(browser: Browser, email: string, password: string): Promise<State> {
  const context = await browser.newContext(LOOKS);
  const page = await context.newPage();
  await page.goto(ORIGIN);
  await enter(page, email, password);
  const state = await context.storageState();
  await context.close();
  return state;
}

export async function visit(browser: Browser, { cookies, origins }: State): Promise<Visit> {
  const context = await browser.newContext(LOOKS);
  await context.addCookies(cookies);
  const page = await context.newPage();
  // Not as a part of the context's state: to restore that, the origin would be opened, and a connection would be there already.
  await page.addInitScript((notes) => {
    for (const { name, value } of notes) localStorage.setItem(name, value);
  }, origins.flatMap(({ localStorage }) => localStorage));
  await watch(page);
  await page.goto(ORIGIN, { waitUntil: 'commit' });
  const seen = moments(await settled(page));
  const firstScreenCame = await arrived(page);
  const asked = await page.evaluate(timings);
  // The page is kept on the device in the background, after all else; the jump comes when that is done.
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));

  const jumped = await page.evaluate(() => {
    const scroller = document.querySelector('.scroller');
    if (!scroller) throw new Error('no timeline');
    const begun = window.eye.begin();
    scroller.scrollTop = scroller.scrollHeight / 2;
    return begun;
  });
  const after = moments(await settled(page));
  const jumpCame = (await arrived(page)) - jumped;
  await context.close();
  return {
    firstPicture: seen.first,
    firstScreenCame,
    firstScreen: seen.full,
    jumpCame,
    jump: after.full - jumped,
    asked,
  };
}

/** Runs in the page. */
function timings(): Asked[] {
  const kinds = ['navigation', 'resource'];
  const entries = kinds.flatMap((kind) => performance.getEntriesByType(kind)) as PerformanceResourceTiming[];
  return entries
    .filter(({ name }) => name.startsWith(location.origin))
    .map((entry) => {
      const { connectStart: connecting, connectEnd: connected, requestStart: sent, responseStart: answered, responseEnd: ended } = entry;
      const path = entry.name.slice(location.origin.length).replace(/\?.*/, '');
      return { path, protocol: entry.nextHopProtocol, started: entry.startTime, connecting, connected, sent, answered, ended };
    });
}
