// The same folder twice at once, in one tab or in two: each file is kept once, and nobody is told that anything failed.
import { join } from 'node:path';
import { choose, expect, setUp, signIn, test, total, usePicup, type Page } from './picup';
import { dropPaths, Gate, makeLarge, makePictures, newFolder, panelOf } from './upload';

const picup = usePicup();

const finished = async (page: Page) => {
  await expect(panelOf(page)).toContainText(/\d+ files? uploaded|Everything was here already/, { timeout: 60_000 });
  await expect(panelOf(page)).not.toContainText('failed');
};

/** Signs in, and gives the second tab. */
async function inTwoTabs(page: Page): Promise<Page> {
  await signIn(page, picup.current);
  const other = await page.context().newPage();
  await other.goto(picup.current.origin);
  await expect(other.locator('.shell')).toBeVisible();
  return other;
}

test('a folder that is dropped twice is uploaded once', async ({ page }) => {
  await setUp(page, picup.current);
  const folder = newFolder();
  makePictures(join(folder, 'trip'), 150);
  makeLarge(folder);
  await dropPaths(page, [folder]);
  await dropPaths(page, [folder]);
  await expect(panelOf(page)).toContainText('151 files uploaded', { timeout: 60_000 });
  await expect(panelOf(page)).toContainText('151 were here already');
  await finished(page);
  expect(await total(page)).toBe(151);
});

test('two tabs that send the same files keep each once', async ({ page, watch }) => {
  // What the one sends while the other completes it.
  watch.expects(/409/);
  const other = await inTwoTabs(page);
  const folder = newFolder();
  const files = [...makePictures(folder, 150, 'both'), makeLarge(folder, 'both.mov')];
  await Promise.all([choose(page, files), choose(other, files)]);
  await finished(page);
  await finished(other);
  expect(await total(page)).toBe(302);
});

test('a tab that gives up what another sends too takes nothing from it', async ({ page, watch }) => {
  watch.expects(/404|409/);
  const other = await inTwoTabs(page);
  const folder = newFolder();
  const files = [...makePictures(folder, 5, 'shared'), makeLarge(folder, 'shared.mov')];
  const gates = [await Gate.shut(page), await Gate.shut(other)];
  await choose(page, files);
  await gates[0]?.reached(2);
  await choose(other, files);
  await gates[1]?.reached(2);
  const given = page.waitForResponse((response) => response.request().method() === 'DELETE');
  await panelOf(page).getByRole('button', { name: 'Cancel all' }).click();
  await given;
  gates[1]?.open();
  await expect(panelOf(other)).toContainText('6 files uploaded', { timeout: 60_000 });
  await finished(other);
  expect(await total(other)).toBe(308);
});
