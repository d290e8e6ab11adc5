// What moves in the viewer: videos and live photos.
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { allShown, expect, signIn, test, usePicup, type Page, spotless } from './picup';
import { photographs } from './samples';
import { api, fill, fingersOf, idsOf, open, send, shows, viewerOf } from './viewing';

const picup = usePicup();
const folder = mkdtempSync(join(tmpdir(), 'picup-e2e-moving-'));
let ids: string[] = [];
let video = '';
let strange = '';
let live = '';

const PICTURE = (seconds: number) => ['-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=25:duration=${seconds}`];
const TONE = (seconds: number) => ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`, '-c:a', 'aac'];

function film(name: string, ...coding: string[]): string {
  const path = join(folder, name);
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...coding, path]);
  return path;
}

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  const long = film('long.mp4', ...PICTURE(60), ...TONE(60), ...H264, '-b:v', '3M', '-g', '25', '-movflags', '+faststart');
  // MPEG-4 part 2: a server makes a picture of it, and no Chromium plays it.
  const old = film('old.mp4', ...PICTURE(2), '-c:v', 'mpeg4');
  await fill(page, picup.current, [...photographs(2), long, old]);
  ids = await idsOf(page);
  for (const id of ids) {
    const { file_name } = await api<{ file_name: string }>(page, 'GET', `/api/assets/${id}`);
    if (file_name === basename(long)) video = id;
    else if (file_name === basename(old)) strange = id;
    else live = id;
  }
  await send(page, film('IMG_1.mov', ...PICTURE(4), ...TONE(4), ...H264), live);
  await expect.poll(async () => (await api<{ motion?: { state: string } }>(page, 'GET', `/api/assets/${live}`)).motion?.state).toBe('verified');
  await page.close();
});

const player = (page: Page) => viewerOf(page).locator('.slide[aria-hidden=false] video');
const property = <K extends 'paused' | 'muted' | 'currentTime' | 'readyState'>(page: Page, name: K) =>
  player(page).evaluate((element: HTMLVideoElement, name) => element[name], name);

test('a video waits, plays by button and key, and is sought by parts', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  const ranges: { asked: string; status: number }[] = [];
  page.on('response', (response) => {
    if (response.url().includes(`${video}/file/`)) ranges.push({ asked: response.request().headers()['range'] ?? '', status: response.status() });
  });
  await open(page, video);
  await expect.poll(() => property(page, 'readyState')).toBeGreaterThan(0);
  expect(await property(page, 'paused'), 'nothing plays by itself').toBe(true);
  expect(await player(page).getAttribute('poster')).toContain(`${video}/view/preview`);
  await viewerOf(page).getByRole('button', { name: 'Play' }).click();
  await expect.poll(() => property(page, 'currentTime')).toBeGreaterThan(0);
  await expect(viewerOf(page).getByRole('button', { name: 'Play' })).toBeHidden();

  const sought = page.waitForResponse((response) => response.url().includes(`${video}/file/`) && !/bytes=0-/.test(response.request().headers()['range'] ?? 'bytes=0-'));
  await player(page).evaluate((element: HTMLVideoElement) => void (element.currentTime = 50));
  const part = await sought;
  expect(part.status()).toBe(206);
  expect(part.headers()['content-range']).toMatch(/^bytes [1-9]\d*-\d+\/\d+$/);
  await expect.poll(() => property(page, 'currentTime')).toBeGreaterThanOrEqual(50);
  expect(ranges.every(({ status }) => status === 206), JSON.stringify(ranges)).toBe(true);

  await viewerOf(page).evaluate((viewer: HTMLElement) => viewer.focus());
  await page.keyboard.press('m');
  expect(await property(page, 'muted')).toBe(true);
  await page.keyboard.press('m');
  expect(await property(page, 'muted')).toBe(false);
  await page.keyboard.press('Space');
  await expect.poll(() => property(page, 'paused')).toBe(true);
  await page.keyboard.press('Space');
  await expect.poll(() => property(page, 'paused')).toBe(false);

  // With the focus on its controls, the arrows are theirs; else they turn, and leaving stops it.
  await player(page).focus();
  await page.keyboard.press('ArrowLeft');
  await expect(page).toHaveURL(new RegExp(video));
  await page.keyboard.press('Space');
  await expect.poll(() => property(page, 'paused')).toBe(true);
  await page.keyboard.press('Space');
  await expect.poll(() => property(page, 'paused')).toBe(false);
  await page.evaluate(() => Object.assign(globalThis, { left: document.querySelector('video') }));
  await viewerOf(page).evaluate((viewer: HTMLElement) => viewer.focus());
  await page.keyboard.press(ids.indexOf(video) === 0 ? 'ArrowRight' : 'ArrowLeft');
  await expect(page).not.toHaveURL(new RegExp(video));
  expect(await page.evaluate(() => (globalThis as unknown as { left: HTMLVideoElement }).left.paused)).toBe(true);
});

test('a video that this browser cannot play says so, and can be had', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await page.locator(`[data-asset="${strange}"]`).click();
  await expect(viewerOf(page).getByText('This browser cannot play this video')).toBeVisible();
  await spotless(page, 'a strange video');
  const coming = page.waitForEvent('download');
  await viewerOf(page).locator('.words').getByRole('link', { name: 'Download original' }).click();
  expect((await coming).suggestedFilename()).toBe('old.mp4');
});

test('a live photo lives while it is asked to, without sound, and is still again', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, live);
  await expect(player(page)).toHaveCount(0);
  const badge = viewerOf(page).getByRole('button', { name: 'Live photo: play' });
  await badge.focus();
  await page.keyboard.press('Enter');
  await expect(player(page)).toHaveClass(/moving/);
  expect(await property(page, 'muted')).toBe(true);
  await expect(badge).toHaveAttribute('aria-pressed', 'true');
  await expect(player(page), 'over after its few seconds').toHaveCount(0);
  await expect(badge).toHaveAttribute('aria-pressed', 'false');
  await badge.hover();
  await expect(player(page)).toHaveClass(/moving/);
  await page.mouse.move(700, 800);
  await expect(player(page)).toHaveCount(0);
  await spotless(page, 'a live photo');
});

test.describe('under fingers', () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test('a live photo lives while it is pressed', async ({ page }) => {
    await signIn(page, picup.current);
    await allShown(page);
    await page.locator(`[data-asset="${live}"]`).tap();
    await shows(page, live);
    const { touch } = await fingersOf(page);
    await touch('touchStart', [{ x: 195, y: 420 }]);
    await expect(player(page)).toHaveClass(/moving/);
    await touch('touchEnd', []);
    await expect(player(page)).toHaveCount(0);
  });

  test('a swipe over a video turns too', async ({ page }) => {
    await signIn(page, picup.current);
    await allShown(page);
    await page.locator(`[data-asset="${video}"]`).tap();
    await shows(page, video);
    await expect(player(page)).toBeVisible();
    const at = ids.indexOf(video);
    const [from, to] = at === 0 ? [330, 60] : [60, 330];
    const { drag } = await fingersOf(page);
    await drag([{ x: from, y: 380 }], [{ x: to, y: 385 }]);
    await expect(page).toHaveURL(new RegExp(`${ids[at === 0 ? 1 : at - 1]}$`));
  });
});
