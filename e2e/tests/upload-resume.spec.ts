// A reload, a closed tab and a second one lose nothing: what was not finished is named, and goes on when it is chosen again.
import { rmSync, utimesSync } from 'node:fs';
import { basename, join } from 'node:path';
import { choose, expect, PERSON, setUp, signIn, test, total, usePicup, type Page } from './picup';
import { chooseBy, Gate, makeLarge, makePictures, newFolder, panelOf, remembered, watchParts } from './upload';

const picup = usePicup();

/** The part of the panel that speaks of what was left. */
const left = (page: Page) => panelOf(page).getByText(/not finished/);
const chooseFolder = (page: Page) => panelOf(page).getByRole('button', { name: 'Choose the folder' });

test('a reload in the middle asks for the same folder, and sends only what is missing', async ({ page }) => {
  await setUp(page, picup.current);
  const folder = newFolder();
  makePictures(join(folder, 'day 1'), 3);
  makePictures(join(folder, 'day 2'), 3);
  makeLarge(folder);
  const parts = watchParts(page);
  const gate = await Gate.shut(page, 3);
  await chooseBy(page, page.getByRole('button', { name: 'Upload a folder' }), folder);
  await gate.reached();
  const panel = panelOf(page);
  await expect(panel).toContainText('6 of 7 files');
  const film = parts.find((part) => part.endsWith('/3'))?.replace(/3$/, '') ?? '';
  await expect.poll(async () => await arrived(page, film)).toEqual([1, 2]);

  // The page's last words to its own memory are written a moment after: what it knows is asked, not waited for.
  await expect.poll(() => remembered(page)).toEqual([basename(folder) + '/film.mov']);
  await page.reload();
  await expect(left(page)).toHaveText('1 file was not finished');
  await expect(panel).toContainText('film.mov');
  const before = parts.length;
  gate.open();
  await chooseBy(page, chooseFolder(page), folder);
  await expect(panel).toContainText('1 file uploaded', { timeout: 60_000 });
  await expect(left(page)).toBeHidden();
  expect(parts.slice(before)).toEqual([`${film}3`]);
  expect(await total(page)).toBe(7);

  await page.reload();
  await expect(page.locator('[data-asset]').first()).toBeVisible();
  await expect(panel).toBeHidden();
});

test('a file that changed is another file, and what is not chosen again stays named until it is given up', async ({ page }) => {
  await signIn(page, picup.current);
  const folder = newFolder();
  const [changed = '', same = '', away = ''] = makePictures(folder, 3, 'left');
  const gate = await Gate.shut(page);
  await choose(page, [changed, same, away]);
  await gate.reached();
  await expect.poll(async () => (await remembered(page)).length).toBe(3);
  await page.reload();
  await expect(left(page)).toHaveText('3 files were not finished');
  gate.open();

  utimesSync(changed, 1.5e9, 1.5e9);
  rmSync(away);
  await chooseBy(page, panelOf(page).getByRole('button', { name: 'Choose files' }), [changed, same]);
  await expect(panelOf(page)).toContainText('1 file uploaded');
  await expect(left(page)).toHaveText('2 files were not finished');
  await expect.poll(async () => (await remembered(page)).length).toBe(2);
  await page.reload();
  await expect(left(page)).toHaveText('2 files were not finished');
  await panelOf(page).getByRole('button', { name: 'Forget them' }).click();
  await expect(panelOf(page)).toBeHidden();
  await expect.poll(() => remembered(page)).toEqual([]);
  expect(await total(page)).toBe(8);
});

test('what was paused stays so over a reload', async ({ page }) => {
  await signIn(page, picup.current);
  const files = makePictures(newFolder(), 3, 'rest');
  const gate = await Gate.shut(page);
  await choose(page, files);
  await gate.reached();
  const panel = panelOf(page);
  await panel.getByRole('button', { name: 'Pause' }).click();
  await expect(panel).toContainText('Paused');
  await expect.poll(async () => (await remembered(page)).length).toBe(3);
  for (const time of ['first', 'second']) {
    await page.reload();
    await expect(left(page), time).toHaveText('3 files were not finished');
    await expect(panel, time).toContainText('You had paused it');
    await chooseBy(page, panel.getByRole('button', { name: 'Choose files' }), files);
    await expect(panel.getByRole('button', { name: 'Resume' }), time).toBeVisible();
  }
  gate.open();
  await panel.getByRole('button', { name: 'Resume' }).click();
  await expect(panel).toContainText('3 files uploaded');
  await page.reload();
  await expect(page.locator('[data-asset]').first()).toBeVisible();
  expect(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes('paused')))).toEqual([]);
});

test('a tab leaves the uploads of another alone, and asks for them when that one is closed', async ({ page, context }) => {
  await signIn(page, picup.current);
  const folder = newFolder();
  const files = makePictures(folder, 3, 'tab');
  const gate = await Gate.shut(page);
  await choose(page, files);
  await gate.reached();
  await expect.poll(async () => (await remembered(page)).length).toBe(3);

  const other = await context.newPage();
  await other.goto(picup.current.origin);
  await expect(other.locator('[data-asset]').first()).toBeVisible();
  await choose(other, makePictures(folder, 2, 'other'));
  await expect(panelOf(other)).toContainText('2 files uploaded');
  await expect(left(other)).toBeHidden();
  await panelOf(other).getByRole('button', { name: 'Close' }).click();
  await expect.poll(async () => (await remembered(page)).length).toBe(3);

  await page.close();
  await expect(left(other)).toHaveText('3 files were not finished');
  await chooseBy(other, chooseFolder(other), folder);
  // The tab that was closed may have got one through with its last breath.
  await expect(left(other)).toBeHidden();
  await expect.poll(() => total(other)).toBe(16);
});

test('signing out forgets what was not finished', async ({ page, watch }) => {
  // Giving the room back may come after the end of the session.
  watch.expects(/401/);
  await signIn(page, picup.current);
  const gate = await Gate.shut(page);
  await choose(page, makePictures(newFolder(), 2, 'mine'));
  await gate.reached();
  await expect.poll(async () => (await remembered(page)).length).toBe(2);
  await page.getByRole('button', { name: `Account of ${PERSON.name}` }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  expect(await remembered(page)).toEqual([]);
  await signIn(page, picup.current);
  await expect(page.locator('[data-asset]').first()).toBeVisible();
  await expect(panelOf(page)).toBeHidden();
});

test('a browser that remembers nothing uploads all the same', async ({ page }) => {
  // As some private windows do.
  await page.addInitScript(() => Object.defineProperty(globalThis, 'indexedDB', { value: undefined }));
  await signIn(page, picup.current);
  await choose(page, makePictures(newFolder(), 3, 'private'));
  await expect(panelOf(page)).toContainText('3 files uploaded');
  expect(await total(page)).toBe(19);
});

/** The numbers of the parts that the server has of an upload. */
async function arrived(page: Page, upload: string): Promise<number[]> {
  const answer = await page.request.get(`${picup.current.origin}/api/uploads/${upload.replace(/\/$/, '')}`);
  return ((await answer.json()) as { arrived: { number: number }[] }).arrived.map(({ number }) => number).sort();
}
