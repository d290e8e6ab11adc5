// From the printed link to a photo on the screen and back on the disk: the main job, as one person does it.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { allShown, choose, drop, expect, PERSON, setUp, signIn, test, total, uploaded, usePicup } from './picup';
import { makeVideo, photographs, sha256 } from './samples';

const picup = usePicup();
const photos = photographs(12);
const hashes = new Map(photos.map((path) => [basename(path), sha256(path)]));

test('the printed link makes the first account, once', async ({ page, watch }) => {
  await page.goto(picup.current.origin);
  await expect(page.getByRole('heading', { name: 'This PicUp is new' })).toBeVisible();

  watch.expects(/403/);
  await page.goto(`${picup.current.origin}/#/setup/not-the-code`);
  await page.getByLabel('Your name').fill('Mallory');
  await page.getByLabel('E-mail').fill('mallory@example.org');
  await page.getByLabel('Password', { exact: true }).fill('guessing the code');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('alert')).toContainText('not valid');

  await setUp(page, picup.current);
  expect(page.url()).toBe(`${picup.current.origin}/#/`);

  await page.context().clearCookies();
  await page.evaluate(() => localStorage.clear());
  await page.goto('about:blank');
  await page.goto(picup.current.setupLink);
  await expect(page.getByRole('heading', { name: 'already has its first account' })).toBeVisible();
});

test('photos that are dropped and chosen appear by themselves', async ({ page }) => {
  await signIn(page, picup.current);
  await drop(page, photos.slice(0, 6));
  expect(await uploaded(page)).toContain('6 files uploaded');
  await choose(page, [...photos.slice(6), photos[0] ?? '']);
  expect(await uploaded(page)).toContain('6 files uploaded 1 was here already');
  expect(await total(page)).toBe(12);
  await allShown(page);
  await expect(page.locator('[data-asset]')).not.toHaveCount(0);
  await expect(page.getByText(/used/)).toContainText(/[1-9]/);
});

test('a photo opens large, by keys and back', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  const tiles = page.locator('[data-asset]');
  const ids = await tiles.evaluateAll((all) => all.map((tile) => tile.getAttribute('data-asset')));
  await tiles.first().focus();
  await page.keyboard.press('Enter');
  const viewer = page.getByRole('dialog', { name: 'Viewer' });
  const preview = viewer.locator('.slide[aria-hidden=false] .preview.shown');
  await expect(preview).toBeVisible();
  expect(await preview.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);

  await page.keyboard.press('ArrowRight');
  await expect(page).toHaveURL(new RegExp(`#/photo/${ids[1]}$`));
  await page.keyboard.press('ArrowRight');
  await expect(page).toHaveURL(new RegExp(`#/photo/${ids[2]}$`));
  await page.keyboard.press('ArrowLeft');
  await expect(page).toHaveURL(new RegExp(`#/photo/${ids[1]}$`));

  await page.keyboard.press('i');
  const info = viewer.getByRole('complementary', { name: 'Information' });
  await expect(info).toContainText('SHA-256');
  const name = await info.locator('dd strong').nth(1).innerText();
  await expect(info.locator('.hash')).toHaveText(hashes.get(name) ?? 'a known file');
  await page.keyboard.press('+');
  await expect(viewer.locator('.slide[aria-hidden=false] .picture')).toHaveAttribute('style', /scale\(1\.5\)/);
  await page.keyboard.press('0');
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(info).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(info).toBeHidden();
  await page.keyboard.press('Escape');
  await expect(viewer).toBeHidden();
  await expect(page.locator(`[data-asset="${ids[1]}"]`)).toBeFocused();

  await page.goto(`${picup.current.origin}/#/photo/${ids[3]}`);
  await page.reload();
  await expect(preview).toBeVisible();
  await page.keyboard.press('ArrowRight');
  await expect(page).toHaveURL(new RegExp(`#/photo/${ids[4]}$`));
});

test('the original comes back byte for byte', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  for (const index of [0, 3]) {
    await page.locator('[data-asset]').nth(index).click();
    await expect(page.getByRole('link', { name: 'Download original' })).toBeVisible();
    const coming = page.waitForEvent('download');
    await page.keyboard.press('Shift+D');
    const download = await coming;
    const bytes = readFileSync(await download.path());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(hashes.get(download.suggestedFilename()));
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
  }
});

test('a video plays, and what cannot be shown can be had back', async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), 'picup-e2e-files-'));
  const notes = join(folder, 'notes.nef');
  writeFileSync(notes, 'not a picture at all');
  await signIn(page, picup.current);
  await choose(page, [makeVideo(folder), notes]);
  await uploaded(page);
  const video = page.getByRole('link', { name: /^Video/ });
  await expect(video).toContainText('0:04', { timeout: 60_000 });
  await video.click();
  const player = page.locator('video');
  await expect(player).toBeVisible();
  await player.evaluate(async (element: HTMLVideoElement) => {
    element.muted = true;
    await element.play();
    element.currentTime = 2.5;
  });
  await expect.poll(() => player.evaluate((element: HTMLVideoElement) => element.currentTime)).toBeGreaterThan(2.4);
  await page.keyboard.press('Escape');

  const file = page.getByRole('link', { name: /No preview/ });
  await expect(file).toBeVisible({ timeout: 60_000 });
  await file.click();
  const viewer = page.getByRole('dialog', { name: 'Viewer' });
  await expect(viewer.getByText('notes.nef', { exact: true })).toBeVisible();
  const coming = page.waitForEvent('download');
  await viewer.locator('.none').getByRole('link', { name: 'Download original' }).click();
  expect(readFileSync(await (await coming).path(), 'utf8')).toBe('not a picture at all');
});

test('signing out closes the door, and signing in leads back', async ({ page, watch }) => {
  await signIn(page, picup.current);
  await expect(page.locator('.tile').first()).toBeVisible();
  await page.getByRole('button', { name: `Account of ${PERSON.name}` }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  expect((await page.request.get(`${picup.current.origin}/api/timeline`)).status()).toBe(401);

  await page.goto(`${picup.current.origin}/#/albums`);
  await page.getByLabel('E-mail').fill(PERSON.email);
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  watch.expects(/401/);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('alert')).toContainText('not right');
  await page.getByLabel('Password', { exact: true }).fill(PERSON.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Albums' })).toBeVisible();
});
