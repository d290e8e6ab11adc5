// Links that show what was shared to whoever has them, and nothing else, for as long as its owner wants.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accessible, allShown, expect, guessesUsedUp, PERSON, signIn, spotless, still, test, usePicup, type Page } from './picup';
import { photographs } from './samples';
import { makeLink, openSharing, pictured, shareDialog, stranger, tokenOf } from './sharing';
import { api, fill, idsOf, previewOf, viewerOf } from './viewing';

const picup = usePicup();
const folder = mkdtempSync(join(tmpdir(), 'picup-e2e-sharing-'));
let photos: string[] = [];
let video = '';
let album = '';

interface Details {
  kind: string;
  owner: string;
  sha256: string;
  media: { original: string };
}

const details = (page: Page, id: string) => api<Details>(page, 'GET', `/api/assets/${id}`);

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await fill(page, picup.current, [...photographs(4), longVideo()]);
  for (const id of await idsOf(page)) {
    if ((await details(page, id)).kind === 'video') video = id;
    else photos.push(id);
  }
  album = (await api<{ id: string }>(page, 'POST', '/api/albums', { title: 'By the sea' })).id;
  await api(page, 'POST', `/api/albums/${album}/assets`, { assets: [...photos.slice(0, 3), video] });
  await page.close();
});

async function toAlbum(page: Page): Promise<void> {
  await signIn(page, picup.current);
  await page.goto(`${picup.current.origin}/#/album/${album}`);
  await expect(page.getByRole('heading', { name: 'By the sea' })).toBeVisible();
}

/** A minute of a test picture, too large to be fetched at once. */
function longVideo(): string {
  const path = join(folder, 'long.mp4');
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=60'];
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-b:v', '3M', '-g', '25', '-movflags', '+faststart'];
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...picture, ...coding, path]);
  return path;
}

/** A link to the album, by the API. */
async function link(page: Page, wishes: object = {}): Promise<{ id: string; link: string }> {
  const made = await api<{ id: string; link: string }>(page, 'POST', '/api/share-links', { album, ...wishes });
  return { ...made, link: new URL(made.link, picup.current.origin).href };
}

test('a link to an album shows it to whoever has it, and nothing else', async ({ page, browser, watch }) => {
  await toAlbum(page);
  await openSharing(page);
  await still(page);
  await accessible(page, 'sharing an album');
  await shareDialog(page).getByRole('button', { name: 'New link' }).click();
  await accessible(page, 'a link to be made');
  const shared = await makeLink(page);
  await expect(shareDialog(page).getByRole('button', { name: /^Copy the link/ })).toBeVisible();
  await expect(shareDialog(page)).toContainText(/Ends on/);

  const { page: other, requests } = await stranger(browser, watch);
  await other.goto(shared);
  await expect(other.getByRole('heading', { name: 'By the sea' })).toBeVisible();
  await expect(other.getByText(/Shared by Ada · 4 items · until/)).toBeVisible();
  await pictured(other, 4);
  await spotless(other, 'a shared album');
  await other.locator(`[data-asset="${photos[0]}"]`).click();
  await expect(previewOf(other)).toBeVisible();
  await expect(viewerOf(other).getByRole('link', { name: 'Download original' })).toHaveCount(0);
  await accessible(other, 'a shared photo');
  await other.keyboard.press('ArrowRight');
  await expect(other).toHaveURL(new RegExp(`/photo/${photos[1]}$`));
  await other.keyboard.press('Escape');
  await expect(viewerOf(other)).toHaveCount(0);
  await expect(other.locator(`[data-asset="${photos[1]}"]`)).toBeFocused();
  await other.reload();
  await pictured(other, 4);

  // What opens a picture opens no original, and no other photo.
  const right = new URL((await other.locator('.tile img').first().getAttribute('src')) ?? '', picup.current.origin).search;
  const [{ media, owner }, unshared] = await Promise.all([details(page, photos[0] ?? ''), details(page, photos[3] ?? '')]);
  for (const address of [media.original, unshared.media.original, `/media/${owner}/${photos[3]}/view/thumbnail.1.webp`]) {
    for (const query of ['', right]) {
      expect((await other.request.get(picup.current.origin + address + query)).status(), address + query).toBe(403);
    }
  }
  expect((await other.request.get(`${picup.current.origin}/api/assets/${photos[0]}`)).status()).toBe(401);

  // The token is in the fragment and in what is sent to open it, and nowhere else.
  const token = tokenOf(shared);
  expect(await other.title()).toBe('By the sea · PicUp');
  for (const request of requests) {
    expect(new URL(request.url()).origin).toBe(picup.current.origin);
    expect(request.url().split('#')[0]).not.toContain(token);
    expect((await request.allHeaders())['referer'] ?? '').not.toMatch(/share|Signature/);
  }
  expect(await other.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]))).not.toContain(token);
  expect(picup.current.log).not.toContain(token);
  await other.context().close();
});

test('originals go where the link allows it, and a video plays there', async ({ page, browser, watch }) => {
  await toAlbum(page);
  const shared = await link(page);
  const { page: other } = await stranger(browser, watch);
  await other.goto(`${shared.link}/photo/${video}`);
  await expect(viewerOf(other).getByText(/shows only a picture of the video/)).toBeVisible();
  await expect(viewerOf(other).locator('video')).toHaveCount(0);

  // Its owner changes it by hand; the page finds out when it is loaded again.
  await openSharing(page);
  await shareDialog(page).getByRole('button', { name: /^Change the link/ }).first().click();
  const change = page.getByRole('dialog', { name: 'Change link' });
  await accessible(page, 'a link to be changed');
  await change.getByLabel('Originals may be downloaded').check();
  await change.getByRole('button', { name: 'Save' }).click();
  await expect(change).toHaveCount(0);
  await expect(shareDialog(page).getByText('Downloads', { exact: true })).toBeVisible();
  await other.reload();
  const player = viewerOf(other).locator('video');
  await expect.poll(() => player.evaluate((one: HTMLVideoElement) => one.readyState)).toBeGreaterThan(0);
  await other.keyboard.press(' ');
  await expect.poll(() => player.evaluate((one: HTMLVideoElement) => one.currentTime)).toBeGreaterThan(0.2);

  await other.goto(`${shared.link}/photo/${photos[0]}`);
  const coming = other.waitForEvent('download');
  await viewerOf(other).getByRole('link', { name: 'Download original' }).click();
  const path = await (await coming).path();
  expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe((await details(page, photos[0] ?? '')).sha256);
  await other.context().close();
});

test('a link asks for its password', async ({ page, browser, watch }) => {
  watch.expects(/401/);
  await toAlbum(page);
  await openSharing(page);
  await shareDialog(page).getByRole('button', { name: 'New link' }).click();
  const shared = await makeLink(page, { password: 'green bottle', ends: 'In 7 days' });
  await expect(shareDialog(page).getByText('Password', { exact: true })).toBeVisible();
  const { page: other } = await stranger(browser, watch);
  await other.goto(shared);
  await expect(other.getByRole('heading', { name: 'This link has a password' })).toBeVisible();
  await spotless(other, 'a link with a password');
  await other.getByLabel('Password', { exact: true }).fill('a guess');
  await other.getByRole('button', { name: 'Open', exact: true }).click();
  await expect(other.getByRole('alert')).toContainText('not the password');
  await other.getByLabel('Password', { exact: true }).fill('green bottle');
  await other.keyboard.press('Enter');
  await pictured(other, 4);

  // The password is changed: what was opened by the old one shows nothing more.
  await shareDialog(page).getByRole('button', { name: /^Change the link/ }).first().click();
  const change = page.getByRole('dialog', { name: 'Change link' });
  await expect(change.getByLabel('Ask for a password')).toBeChecked();
  await change.getByLabel('Password of the link', { exact: true }).fill('brown bottle');
  await change.getByRole('button', { name: 'Save' }).click();
  await expect(change).toHaveCount(0);
  watch.expects(/404/);
  await other.locator(`[data-asset="${photos[0]}"]`).click();
  await expect(other.getByRole('heading', { name: 'This link has a password' })).toBeVisible();
  await other.getByLabel('Password', { exact: true }).fill('brown bottle');
  await other.keyboard.press('Enter');
  await expect(previewOf(other)).toBeVisible();
  await other.context().close();
});

test('a revoked link shows nothing more', async ({ page, browser, watch }) => {
  await signIn(page, picup.current);
  const shared = await link(page);
  const { page: other } = await stranger(browser, watch);
  await other.goto(shared.link);
  await pictured(other, 4);

  await page.goto(`${picup.current.origin}/#/settings/links`);
  const rows = page.getByRole('main').getByRole('listitem');
  await expect(rows.first()).toContainText(/By the sea.*4 items · Made on .* · Ends on/s);
  const before = await rows.count();
  await spotless(page, 'the links in the settings');
  await rows.first().getByRole('button', { name: /^Revoke/ }).click();
  const question = page.getByRole('dialog', { name: 'Revoke this link?' });
  await accessible(page, 'a link to be revoked');
  await question.getByRole('button', { name: 'Revoke' }).click();
  await expect(rows).toHaveCount(before - 1);

  watch.expects(/404/);
  await other.locator(`[data-asset="${photos[0]}"]`).click();
  await expect(other.getByRole('heading', { name: 'This link shows nothing any more' })).toBeVisible();
  await spotless(other, 'a link that is over');
  await other.reload();
  await expect(other.getByRole('heading', { name: 'This link shows nothing any more' })).toBeVisible();
  await other.context().close();
});

test('chosen photos are shared by a link of their own', async ({ page, browser, watch }) => {
  await signIn(page, picup.current);
  await allShown(page);
  for (const id of [photos[2], photos[3]]) {
    await page.locator(`[data-asset="${id}"]`).focus();
    await page.keyboard.press('x');
  }
  await page.getByRole('button', { name: 'Share link' }).click();
  const shared = await makeLink(page, { ends: 'When it is revoked', download: true });
  await expect(page.getByRole('toolbar', { name: 'Selection' })).toBeHidden();

  const { page: other } = await stranger(browser, watch);
  await other.goto(shared);
  await expect(other.getByRole('heading', { name: 'Photos from Ada' })).toBeVisible();
  await expect(other.getByText('2 items', { exact: true })).toBeVisible();
  await pictured(other, 2);
  await other.keyboard.press('Control+a');
  await expect(other.locator('.tile.selected')).toHaveCount(0);
  await other.context().close();

  // From the viewer, one alone; and whoever is signed in stays so.
  await page.locator(`[data-asset="${photos[0]}"]`).click();
  await viewerOf(page).getByRole('button', { name: 'More' }).click();
  await viewerOf(page).getByRole('button', { name: 'Share link' }).click();
  const one = await makeLink(page);
  await page.goto(one);
  await pictured(page, 1);
  await page.getByRole('link', { name: 'PicUp' }).click();
  await expect(page.getByRole('button', { name: `Account of ${PERSON.name}` })).toBeVisible();
});

test('what opens the pictures is asked for again when it has ended, and what is shown is not fetched again', async ({ page, browser, watch }) => {
  await signIn(page, picup.current);
  const shared = await link(page);
  const { page: other, requests } = await stranger(browser, watch);
  await other.clock.install();
  await other.goto(shared.link);
  await pictured(other, 4);
  const asked = (part: string) => requests.filter((request) => request.url().includes(part)).length;
  const before = [asked('/view/thumbnail'), asked('/api/share/assets?')];
  expect(before).toEqual([4, 1]);
  await other.clock.fastForward('05:00');
  await other.locator(`[data-asset="${photos[0]}"]`).click();
  await expect(previewOf(other)).toBeVisible();
  expect(asked('/api/share/assets?'), 'the rights of the page, once').toBe(2);
  await other.keyboard.press('Escape');
  await pictured(other, 4);

  // One that is refused before its time is asked for again, too.
  watch.expects(/403/);
  let refused = 0;
  await other.route('**/view/thumbnail*', async (route) => {
    if (refused++ === 0) await route.fulfill({ status: 403 });
    else await route.continue();
  });
  await other.reload();
  await pictured(other, 4);
  expect(refused).toBe(5);
  await other.context().close();
});

test('a video whose address has ended goes on where it was', async ({ page, browser, watch }) => {
  watch.expects(/403|ERR_/);
  await signIn(page, picup.current);
  const shared = await link(page, { download: true });
  const { page: other } = await stranger(browser, watch);
  let ended = false;
  await other.route('**/file/original*', async (route) => {
    if (ended) await route.fulfill({ status: 403 });
    else await route.continue();
  });
  // A new address is another one, and opens again.
  await other.route(`**/api/share/assets/${video}`, async (route) => {
    const response = await route.fetch();
    const asset = (await response.json()) as { original: { url: string } };
    if (ended) asset.original.url += '#again';
    ended = false;
    await route.fulfill({ response, json: asset });
  });
  await other.goto(`${shared.link}/photo/${video}`);
  const player = viewerOf(other).locator('video');
  const time = () => player.evaluate((one: HTMLVideoElement) => one.currentTime);
  await expect.poll(() => player.evaluate((one: HTMLVideoElement) => one.readyState)).toBeGreaterThan(1);
  await other.keyboard.press(' ');
  await expect.poll(time).toBeGreaterThan(0.2);
  // What comes next has not been fetched yet, and is refused.
  ended = true;
  await player.evaluate((one: HTMLVideoElement) => void (one.currentTime = 50));
  await expect.poll(() => player.evaluate((one: HTMLVideoElement) => one.src.endsWith('#again'))).toBe(true);
  await expect.poll(time).toBeGreaterThan(50);
  expect(await player.evaluate((one: HTMLVideoElement) => one.paused)).toBe(false);
  await other.context().close();
});

test('a link that nobody made says so, on a phone and in the dark, in both languages', async ({ browser, watch }) => {
  watch.expects(/404|429/);
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: 'dark', locale: 'ko-KR' } as const;
  const { page: other } = await stranger(browser, watch, phone);
  await other.goto(`${picup.current.origin}/#/share/nothing`);
  await expect(other.getByRole('heading', { name: '더 이상 볼 수 없는 링크입니다' })).toBeVisible();
  await spotless(other, 'a link that nobody made');
  // Whoever guesses is told to wait.
  const open = () => other.request.post(`${picup.current.origin}/api/share/open`, { data: { token: 'a guess' } });
  await other.route('**/api/share/open', async (route) => {
    await guessesUsedUp(open);
    await route.continue();
  });
  await other.reload();
  await expect(other.getByRole('heading', { name: '시도가 너무 많습니다' })).toBeVisible();
  await spotless(other, 'too many tries of links');
  await other.context().close();
});
