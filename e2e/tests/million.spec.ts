// A million photos: from the newest to the oldest by wheel, by scrubber, by keys and by date. What must hold at any speed is
// asserted: the right day, a heap and a page that do not grow. How fast it is, in Chromium's own words, is printed; docs/benchmarks.md
// keeps it.
import { dragDown, size, traced, wheel, type Frames } from './frames';
import { serveThumbnails, startWithLibrary } from './library';
import { allShown, expect, signIn, test, usePicup, type Page } from './picup';

const ASSETS = Number(process.env['PICUP_ASSETS'] ?? 1_000_000);
/** The entries kept in memory, their placeholders, and what the engine itself keeps compiled. */
const MOST_GROWTH = 15e6;
const MOST_NODES = 6_000;

test.describe.configure({ timeout: 240_000 });
// Playwright's trace would keep the page's every state, and count as the page's own work.
test.use({ trace: 'off' });
const picup = usePicup(() => startWithLibrary(ASSETS));

const month = (page: Page) => page.getByRole('slider', { name: 'Go to a date' }).getAttribute('aria-valuetext');
const focusedName = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
/** The uppermost day that is in the page. */
const firstDay = (page: Page) => page.getByRole('heading', { level: 2 }).first().innerText();
const elements = (page: Page) => page.evaluate(() => document.querySelectorAll('*').length);

function print(cell: string, frames: Frames, peer: Frames): void {
  const ratio = Math.round((peer.rate / frames.rate) * 100) / 100;
  console.log(JSON.stringify({ bench: 'timeline', cell, assets: ASSETS, unit: 'frames_per_second', ours: frames.rate, peer: peer.rate, peer_name: 'empty page', ratio, frames }));
}

test('a million photos scroll, leap and end in the same memory', { tag: '@slow' }, async ({ page, browser }) => {
  const session = await page.context().newCDPSession(page);
  // The peer: the same gestures over a page with nothing on it.
  await page.setContent('<body style="margin:0;height:60000px"></body>');
  const empty = await traced(browser, page, () => wheel(session, 12_000, 3_000));

  await serveThumbnails(page, picup.current);
  await signIn(page, picup.current);
  await allShown(page);
  const before = await size(session);
  expect(await month(page)).toBe('Jun 2026');

  const newest = await firstDay(page);
  const down = await traced(browser, page, () => wheel(session, 24_000, 3_000));
  await allShown(page);
  expect(await firstDay(page), 'the wheel moved it').not.toBe(newest);
  expect(await elements(page)).toBeLessThan(MOST_NODES);

  const slider = page.getByRole('slider', { name: 'Go to a date' });
  const box = await slider.boundingBox();
  if (!box) throw new Error('no scrubber');
  await page.mouse.move(box.x + 20, box.y + 8);
  await page.mouse.down();
  const scrub = await traced(browser, page, () => dragDown(slider, box.height, 4));
  await page.mouse.up();
  expect(await month(page)).toBe('Jul 2006');
  await allShown(page);
  expect(await elements(page)).toBeLessThan(MOST_NODES);

  // Year by year back to the present, looking at each.
  await slider.focus();
  for (let year = 2007; year <= 2026; year++) {
    await page.keyboard.press('PageUp');
    await expect.poll(() => month(page)).toContain(String(year));
    await allShown(page);
  }
  const afterYears = await size(session);

  await page.keyboard.press('g');
  await page.getByLabel('Day, month or year').fill('14 July 2014');
  await page.keyboard.press('Enter');
  await expect.poll(() => focusedName(page)).toMatch(/July 2014/);
  await allShown(page);
  await page.keyboard.press('End');
  await expect.poll(() => focusedName(page)).toMatch(/July 2006/);
  const last = await firstDay(page);
  const up = await traced(browser, page, () => wheel(session, -24_000, 3_000));
  await allShown(page);
  expect(await firstDay(page), 'the wheel moved it back').not.toBe(last);
  await page.keyboard.press('Home');
  await expect.poll(() => focusedName(page)).toMatch(/June 2026/);
  await allShown(page);

  const after = await size(session);
  print('wheel-down', down, empty);
  print('scrubber', scrub, empty);
  print('wheel-up', up, empty);
  console.log(JSON.stringify({ bench: 'timeline', cell: 'memory', assets: ASSETS, before, afterYears, after }));
  expect(after.heap).toBeLessThan(before.heap + MOST_GROWTH);
  expect(after.nodes).toBeLessThan(MOST_NODES);
});
