// Whole folders, as they are dropped from the desktop: every entry however many, however deep, and twenty thousand files do not
// freeze the page: how it fared is printed, and that it answers is what counts.
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, setUp, signIn, test, total, usePicup, type Page } from './picup';
import { dropPaths, makePictures, newFolder, panelOf } from './upload';

const picup = usePicup();
const MANY = 20_000;
/** So many of them really go, before the rest is cancelled. */
const SENT = 2_000;

test('a dropped folder is read to its end and to its depth', { tag: '@sets-up' }, async ({ page }) => {
  await setUp(page, picup.current);
  const folder = newFolder();
  makePictures(folder, 250, 'wide');
  makePictures(join(folder, 'a', 'b', 'c', 'd'), 3, 'deep');
  makePictures(join(folder, '@eaDir'), 2, 'of-the-system');
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, '.DS_Store'), 'of the system');
  const single = makePictures(newFolder(), 1, 'single');
  await dropPaths(page, [folder, ...single]);
  await expect(panelOf(page)).toContainText('254 files uploaded', { timeout: 60_000 });
  await expect(panelOf(page)).toContainText('2 system files left out');
  expect(await total(page)).toBe(254);
});

test('what cannot be read is told, and keeps nothing else back', async ({ page }) => {
  await signIn(page, picup.current);
  const folder = newFolder();
  makePictures(join(folder, 'readable'), 2);
  // A name in Latin-1, as old disks have them: a browser lists it, and cannot open it.
  writeFileSync(Buffer.concat([Buffer.from(join(folder, 'caf')), Buffer.from([0xe9]), Buffer.from('.jpg')]), 'a photo');
  await dropPaths(page, [folder]);
  const notice = page.getByRole('status').filter({ hasText: '1 could not be read' });
  await expect(notice).toContainText(basename(folder));
  await expect(panelOf(page)).toContainText('2 files uploaded');
});

test('twenty thousand files do not freeze the page', { tag: '@slow' }, async ({ page }) => {
  test.setTimeout(240_000);
  const folder = newFolder();
  for (let part = 1; part <= 20; part++) makePictures(join(folder, `part-${part}`), MANY / 20, `part-${part}`);
  await signIn(page, picup.current);
  await expect(page.locator('[data-asset]').first()).toBeVisible();
  const before = await total(page);
  await measure(page);
  const began = Date.now();
  const reading = page.getByRole('group', { name: 'Reading folders' });
  const shown = reading.waitFor();
  await dropPaths(page, [folder]);
  await shown;
  const panel = panelOf(page);
  await expect(panel).toContainText(/of 20,?000 files/, { timeout: 60_000 });
  await expect(reading).toBeHidden();
  console.log(`added within ${Date.now() - began} ms: ${JSON.stringify(await measured(page))}`);

  // It answers while files go: another page, the list's end, a pause.
  await page.getByRole('link', { name: 'Albums' }).first().click();
  await expect(page.getByRole('heading', { name: 'Albums' })).toBeVisible();
  const list = panel.getByRole('group', { name: 'Files', exact: true });
  await list.press('End');
  await expect.poll(() => list.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight)).toBeLessThan(1);
  await expect(panel.locator('li').last()).toBeInViewport();
  expect(await panel.locator('li').count(), 'only the rows that can be seen are in the page').toBeLessThan(20);
  await panel.getByRole('button', { name: 'Pause' }).click();
  await expect(panel).toContainText('Paused');
  await panel.getByRole('button', { name: 'Resume' }).click();

  const over = async () => Number(/Uploading ([\d,]+) of/.exec(await panel.innerText())?.[1]?.replace(',', ''));
  await expect.poll(over, { timeout: 120_000 }).toBeGreaterThanOrEqual(SENT);
  console.log(`${await over()} sent within ${Date.now() - began} ms: ${JSON.stringify(await measured(page))}`);
  await panel.getByRole('button', { name: 'Cancel all' }).click();
  await expect(panel).toContainText(/1\d,?\d{3} cancelled/);
  expect(await total(page)).toBeGreaterThanOrEqual(before + SENT);
});

interface Measured {
  frames: number;
  seconds: number;
  longestFrame: number;
  longTasks: number;
  longestTask: number;
}

/** Begins to count frames and tasks that keep the page from answering. */
async function measure(page: Page): Promise<void> {
  await page.evaluate(() => {
    const begun = performance.now();
    const seen = { frames: 0, seconds: 0, longestFrame: 0, longTasks: 0, longestTask: 0 };
    let last = begun;
    const frame = (now: number) => {
      seen.frames++;
      seen.longestFrame = Math.round(Math.max(seen.longestFrame, now - last));
      seen.seconds = Math.round((now - begun) / 100) / 10;
      last = now;
      if (Reflect.get(globalThis, 'measured') === seen) requestAnimationFrame(frame);
    };
    Reflect.set(globalThis, 'measured', seen);
    requestAnimationFrame(frame);
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        seen.longTasks++;
        seen.longestTask = Math.round(Math.max(seen.longestTask, duration));
      }
    }).observe({ type: 'longtask' });
  });
}

async function measured(page: Page): Promise<Measured> {
  return await page.evaluate(() => Reflect.get(globalThis, 'measured') as Measured);
}
