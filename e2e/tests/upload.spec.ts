// What a person sees and does while files go up: pause, cancel and retry, which were here already, which were passed over, and
// that there is no more room.
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { choose, expect, PERSON, setUp, signIn, test, total, uploaded, usePicup } from './picup';
import { Gate, listed, makeLarge, makePictures, newFolder, panelOf, watchParts } from './upload';

const picup = usePicup();

test('a paused queue sends nothing until it is resumed, and then only what is missing', async ({ page }) => {
  await setUp(page, picup.current);
  const folder = newFolder();
  const parts = watchParts(page);
  const gate = await Gate.shut(page, 2);
  await choose(page, [makeLarge(folder), ...makePictures(folder, 3)]);
  // Two parts go at once: when the last two stand here, the first has arrived.
  await gate.reached(2);
  const panel = panelOf(page);
  await expect(panel).toContainText('3 of 4 files');
  await panel.getByRole('button', { name: 'Pause' }).click();
  await expect(panel).toContainText('Paused');
  gate.open();

  // Whatever is added waits, too.
  await choose(page, makePictures(folder, 2, 'later'));
  await expect(panel).toContainText('3 of 6 files');
  const before = parts.length;
  await page.getByRole('link', { name: 'Albums' }).first().click();
  await expect(page.getByRole('heading', { name: 'Albums' })).toBeVisible();
  expect(parts.length).toBe(before);

  await panel.getByRole('button', { name: 'Resume' }).click();
  await expect(panel).toContainText('6 files uploaded', { timeout: 60_000 });
  await expect(panel).not.toContainText('Paused');
  const film = parts.find((part) => part.endsWith('/3'))?.replace(/3$/, '') ?? '';
  const again = parts.slice(before).filter((part) => part.startsWith(film));
  expect(again.sort(), 'what had arrived of it is not sent again').toEqual([`${film}2`, `${film}3`]);
  expect(await total(page)).toBe(6);
});

test('one file is cancelled and tried again, and all are', async ({ page }) => {
  await signIn(page, picup.current);
  const folder = newFolder();
  const gate = await Gate.shut(page);
  await choose(page, makePictures(folder, 4, 'mine'));
  await gate.reached();
  const panel = panelOf(page);
  await panel.getByRole('button', { name: 'Cancel mine-2.png' }).click();
  await expect(panel).toContainText('1 cancelled');
  gate.open();
  expect(await uploaded(page)).toContain('3 files uploaded');
  await panel.getByRole('button', { name: 'Retry mine-2.png' }).click();
  await expect(panel).toContainText('4 files uploaded');
  await expect(panel).not.toContainText('cancelled');

  const second = await Gate.shut(page);
  await choose(page, makePictures(folder, 4, 'never'));
  await second.reached();
  await panel.getByRole('button', { name: 'Cancel all' }).click();
  await expect(panel).toContainText('4 cancelled');
  second.open();
  await panel.getByRole('button', { name: 'Close' }).click();
  await expect(panel).toBeHidden();
  expect(await total(page)).toBe(10);
});

test('files that were here already are named', async ({ page }) => {
  await signIn(page, picup.current);
  const folder = newFolder();
  const old = makePictures(folder, 3, 'old');
  await choose(page, old);
  expect(await uploaded(page)).toContain('3 files uploaded');
  const panel = panelOf(page);
  await choose(page, [...old, ...makePictures(folder, 2, 'new')]);
  await expect(panel).toContainText('2 files uploaded');
  await expect(panel).toContainText('3 were here already');
  await panel.getByRole('button', { name: /^Already here/ }).click();
  expect(await listed(page, 3)).toEqual(old.map((path) => basename(path)));
  await panel.getByRole('button', { name: 'All', exact: true }).click();
  expect(await listed(page, 5)).toContain('new-2.png');
  expect(await total(page)).toBe(15);
});

test('what is no photo, and what is empty, is named and not sent', async ({ page }) => {
  await signIn(page, picup.current);
  const folder = newFolder();
  const strangers = ['notes.txt', 'empty.jpg', 'Thumbs.db', '.DS_Store'].map((name) => join(folder, name));
  for (const path of strangers) writeFileSync(path, path.endsWith('empty.jpg') ? '' : 'not a photo');
  const asked: string[] = [];
  page.on('request', (request) => {
    if (/\/api\/uploads(\/many)?$/.test(request.url())) asked.push(request.postData() ?? '');
  });
  await choose(page, [...strangers, ...makePictures(folder, 2)]);
  expect(await uploaded(page)).toContain('2 files uploaded');
  const panel = panelOf(page);
  await expect(panel).toContainText('2 system files left out');
  await panel.getByRole('button', { name: /^Skipped/ }).click();
  await expect(panel.locator('li', { hasText: 'notes.txt' })).toContainText('not a photo or video');
  await expect(panel.getByRole('button', { name: 'Upload notes.txt all the same' })).toBeVisible();
  await expect(panel.getByRole('button', { name: 'Upload empty.jpg' })).toHaveCount(0);
  await expect(panel.locator('li', { hasText: 'empty.jpg' })).toContainText('the file is empty');
  expect(asked.join()).toContain('picture-1.png');
  for (const path of strangers) expect(asked.join()).not.toContain(basename(path));
});

test('a full account says once how much is missing, and goes on when there is room', async ({ page, watch }) => {
  watch.expects(/api\/uploads/);
  picup.current.setQuota(PERSON.email, '41MB');
  await signIn(page, picup.current);
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/api/uploads')) asked.push(request.url());
  });
  const folder = newFolder();
  const sizes = [3, 3, 3, 3, 3];
  await choose(page, sizes.map((size, index) => makeLarge(folder, `film-${index + 1}.mov`, size << 20)));
  const panel = panelOf(page);
  await expect(panel).toContainText('5 failed');
  expect(asked.length, 'the others were not asked for').toBeLessThanOrEqual(2);
  await expect(panel).toContainText('15.7 MB more do not fit');
  await panel.getByRole('button', { name: /^Failed/ }).click();
  expect(await listed(page, 5)).toContain('film-5.mov');
  await expect(panel.locator('li').first()).toContainText('not enough space');

  picup.current.setQuota(PERSON.email, 'none');
  await panel.getByRole('button', { name: 'Retry failed' }).click();
  await expect(panel).toContainText('5 files uploaded');
  await expect(panel).not.toContainText('do not fit');
});
