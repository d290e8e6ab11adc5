// The make of the page, in what does not depend on the clock: that it can be installed, what it may do, what a first visit costs, and that
// nothing jumps while the timeline comes. Times are printed for whoever wants to see them, and judged nowhere.
import { allShown, choose, expect, setUp, signIn, test, uploaded, usePicup, type Page } from './picup';
import { photographs } from './samples';

const picup = usePicup();

/** In bytes as they travel; `npm run build` holds the scripts to the same. */
const BUDGET = { Document: 2_000, Script: 150_000, Stylesheet: 15_000 };
/** The page, its script, its styles, its icon and manifest, and the questions whose answers it shows. */
const MOST_REQUESTS = 12;

test('it can be installed', async ({ playwright, watch }, info) => {
  // A browser of its own with a profile: what is private for an hour cannot be installed from.
  const context = await playwright.chromium.launchPersistentContext(info.outputPath('profile'), info.project.use.launchOptions);
  const page = context.pages()[0] ?? (await context.newPage());
  watch.follow(page);
  await setUp(page, picup.current);
  const devtools = await page.context().newCDPSession(page);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.reload();
  await expect(page.locator('.shell')).toBeVisible();
  const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
  expect(installabilityErrors).toEqual([]);

  const { url, errors, data } = await devtools.send('Page.getAppManifest');
  expect(url).toBe(`${picup.current.origin}/manifest.webmanifest`);
  expect(errors).toEqual([]);
  const manifest = JSON.parse(data ?? '') as Manifest;
  expect(manifest).toMatchObject({ name: 'PicUp', short_name: 'PicUp', id: '/', start_url: '/', scope: '/', display: 'standalone' });
  const icons = [...manifest.icons, ...manifest.shortcuts.flatMap((one) => one.icons)];
  for (const { src, sizes } of icons) expect(await sizeOf(page, src), src).toBe(sizes);
  for (const { purpose, size } of [{ purpose: 'any', size: '512x512' }, { purpose: 'maskable', size: '512x512' }]) {
    expect(manifest.icons.some((icon) => icon.purpose === purpose && icon.sizes === size), `${purpose} ${size}`).toBe(true);
  }
  for (const { url } of manifest.shortcuts) {
    await page.goto(new URL(url, picup.current.origin).href);
    await expect(page.locator('main')).toBeVisible();
  }
  expect(await sizeOf(page, await attribute(page, 'link[rel=apple-touch-icon]', 'href'))).toBe('180x180');
  await context.close();
});

test.describe('in Korean and dark', () => {
  test.use({ locale: 'ko-KR', colorScheme: 'dark' });

  test('it is named and coloured accordingly', async ({ page }) => {
    await page.goto(picup.current.origin);
    await expect(page.locator('form')).toBeVisible();
    await expect(page.locator('html')).toHaveAttribute('lang', 'ko');
    expect(await attribute(page, 'link[rel=manifest]', 'href')).toBe('/manifest.ko.webmanifest');
    const devtools = await page.context().newCDPSession(page);
    const { errors, data } = await devtools.send('Page.getAppManifest');
    expect(errors).toEqual([]);
    expect(JSON.parse(data ?? '')).toMatchObject({ lang: 'ko', id: '/' });
    // What the browser colours its bars with is what the page is painted with.
    const painted = await page.evaluate(() => {
      const ground = getComputedStyle(document.documentElement).backgroundColor;
      const metas = [...document.querySelectorAll<HTMLMetaElement>('meta[name=theme-color]')];
      const chosen = metas.find((meta) => matchMedia(meta.media).matches)?.content ?? '';
      const probe = document.createElement('i');
      probe.style.color = chosen;
      document.body.append(probe);
      const colour = getComputedStyle(probe).color;
      probe.remove();
      return { ground, colour };
    });
    expect(painted.colour).toBe(painted.ground);
  });
});

test('its headers allow little', async ({ page }) => {
  const { origin } = picup.current;
  const main = await page.goto(origin);
  const script = await attribute(page, 'script[type=module]', 'src');
  const styles = await attribute(page, 'link[rel=stylesheet]', 'href');
  const headersOf = async (path: string) => {
    const answer = await page.request.get(origin + path, { headers: { 'Accept-Encoding': 'gzip, br' } });
    expect(answer.status(), path).toBe(200);
    return answer.headers();
  };

  const policy = main?.headers()['content-security-policy'] ?? '';
  expect(policy).not.toMatch(/unsafe-|\*/);
  for (const directive of ['default-src', 'script-src', 'style-src', 'worker-src', 'manifest-src']) {
    expect(policy).toContain(`${directive} 'self';`);
  }
  for (const path of ['/', '/sw.js', '/manifest.webmanifest', '/manifest.ko.webmanifest', script, styles, '/icons/icon-192.png']) {
    const headers = await headersOf(path);
    const immutable = path.startsWith('/assets/');
    expect(headers['content-security-policy'], path).not.toMatch(/'unsafe-(inline|eval|hashes)'/);
    expect(headers, path).toMatchObject({
      'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['permissions-policy'], path).toContain('camera=()');
    if (!path.endsWith('.png')) expect(headers['content-encoding'], path).toBe('br');
  }
  expect((await headersOf('/manifest.webmanifest'))['content-type']).toBe('application/manifest+json');
});

test('a first visit is light, asks nobody else, and nothing jumps', async ({ page, browser }) => {
  await signIn(page, picup.current);
  await choose(page, photographs(20));
  await uploaded(page);
  // While the server looks at a photo, its shape is not known yet.
  await allShown(page);
  const state = await page.context().storageState();
  // As cold as it gets: a browser that knows only who is signed in.
  const context = await browser.newContext({ storageState: state });
  const cold = await context.newPage();
  const visit = await watchVisit(cold);
  await cold.goto(picup.current.origin);
  await allShown(cold);
  const { bytes, first, hosts, blocking } = visit.sum();

  for (const [type, budget] of Object.entries(BUDGET)) expect(bytes[type] ?? 0, `bytes of ${type}`).toBeLessThanOrEqual(budget);
  for (const type of Object.keys(BUDGET)) expect(bytes[type] ?? 0, `bytes of ${type}`).toBeGreaterThan(0);
  expect(first, 'requests before the first picture').toBeLessThanOrEqual(MOST_REQUESTS);
  expect(hosts).toEqual([new URL(picup.current.origin).host]);
  expect(blocking, 'what the first paint waits for: the styles, in one or two files').toBeLessThanOrEqual(2);
  const seen = await cold.evaluate(() => (window as unknown as Seen).seen);
  expect(seen.shifts, 'layout shifts').toEqual([]);
  console.log(`a first visit: ${JSON.stringify({ bytes, requestsBeforePictures: first, ...(await figures(cold)) })}`);
  await soundDocument(cold);
  await context.close();
});

interface Manifest {
  name: string;
  icons: { src: string; sizes: string; purpose: string }[];
  shortcuts: { name: string; url: string; icons: { src: string; sizes: string }[] }[];
}
interface Seen {
  seen: { shifts: string[]; lcp: number; blocked: number };
}

/** A picture's real size, as a manifest writes it. */
async function sizeOf(page: Page, src: string): Promise<string> {
  return await page.evaluate(async (src) => {
    const picture = new Image();
    picture.src = src;
    await picture.decode();
    return `${picture.naturalWidth}x${picture.naturalHeight}`;
  }, src);
}

async function attribute(page: Page, selector: string, name: string): Promise<string> {
  return (await page.locator(selector).first().getAttribute(name)) ?? '';
}

/** Counts what the page fetches, and has it note what moves and how long it was busy. */
async function watchVisit(page: Page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Network.setCacheDisabled', { cacheDisabled: true });
  const requests = new Map<string, { type: string; url: string; bytes: number; blocks: boolean }>();
  devtools.on('Network.requestWillBeSent', ({ requestId, type = 'Other', request, renderBlockingBehavior }: Sent) => {
    requests.set(requestId, { type, url: request.url, bytes: 0, blocks: renderBlockingBehavior === 'Blocking' });
  });
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const one = requests.get(requestId);
    if (one) one.bytes = encodedDataLength;
  });
  await page.addInitScript(() => {
    const seen = { shifts: [] as string[], lcp: 0, blocked: 0 };
    (window as unknown as Seen).seen = seen;
    const observe = (type: string, each: (entry: never) => void) =>
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => each(entry as never))).observe({ type, buffered: true });
    observe('layout-shift', (entry: { value: number; sources: { node?: Element }[] }) => {
      const moved = entry.sources.map(({ node }) => node?.className || node?.nodeName || '?').join(', ');
      if (entry.value > 0.001) seen.shifts.push(`${entry.value.toFixed(4)}: ${moved}`);
    });
    observe('largest-contentful-paint', (entry: PerformanceEntry) => (seen.lcp = entry.startTime));
    observe('longtask', (entry: PerformanceEntry) => (seen.blocked += Math.max(0, entry.duration - 50)));
  });
  return { sum: () => sumUp([...requests.values()]) };
}

interface Sent {
  requestId: string;
  type?: string;
  request: { url: string };
  renderBlockingBehavior?: string;
}

function sumUp(all: { type: string; url: string; bytes: number; blocks: boolean }[]) {
  const bytes: Record<string, number> = {};
  for (const one of all) bytes[one.type] = (bytes[one.type] ?? 0) + one.bytes;
  // Placeholders are drawn from a few bytes that came with the list: addresses of `data:`, which ask nobody.
  const asked = all.filter((one) => !one.url.startsWith('data:'));
  const first = asked.findIndex((one) => one.url.includes('/media/'));
  const hosts = [...new Set(asked.map((one) => new URL(one.url).host))];
  return { bytes, first, hosts, blocking: all.filter((one) => one.blocks && one.type !== 'Document').length };
}

/** What a stopwatch would say; printed only. */
async function figures(page: Page) {
  return await page.evaluate(() => {
    const { lcp, blocked } = (window as unknown as Seen).seen;
    const fcp = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0;
    const [load] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    const round = (all: Record<string, number>) => Object.fromEntries(Object.entries(all).map(([name, ms]) => [name, Math.round(ms)]));
    return round({ ttfbMs: load?.responseStart ?? 0, fcpMs: fcp, lcpMs: lcp, blockedMs: blocked });
  });
}

/** What any page owes its readers, whoever they are. */
async function soundDocument(page: Page): Promise<void> {
  const document_ = await page.evaluate(() => ({
    doctype: document.doctype?.name,
    mode: document.compatMode,
    charset: document.characterSet,
    lang: document.documentElement.lang,
    title: document.title,
    description: document.querySelector<HTMLMetaElement>('meta[name=description]')?.content ?? '',
    viewport: document.querySelector<HTMLMetaElement>('meta[name=viewport]')?.content ?? '',
    unnamed: [...document.images].filter((image) => !image.hasAttribute('alt')).map((image) => image.outerHTML),
    inline: document.querySelectorAll('script:not([src]), style, [onclick], [onload]').length,
  }));
  expect(document_).toMatchObject({ doctype: 'html', mode: 'CSS1Compat', charset: 'UTF-8', lang: 'en', unnamed: [], inline: 0 });
  expect(document_.title).toMatch(/PicUp/);
  expect(document_.description.length).toBeGreaterThan(20);
  // A page that cannot be enlarged shuts people out.
  expect(document_.viewport).toContain('width=device-width');
  expect(document_.viewport).not.toMatch(/user-scalable|maximum-scale/);
}
