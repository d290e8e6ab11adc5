// A folder of thousands is called back while it is still being taken in: nothing more goes, and the server keeps no room for it.
import { join } from 'node:path';
import { choose, expect, setUp, signIn, test, total, uploaded, usePicup, type Page } from './picup';
import { dropPaths, Gate, makeLarge, makePictures, newFolder, panelOf, watchParts } from './upload';

const picup = usePicup();

const reserved = async (page: Page) => {
  const answer = await page.request.get(`${picup.current.origin}/api/account`);
  return ((await answer.json()) as { reserved_bytes: number }).reserved_bytes;
};

test('cancelled while it is being taken in', async ({ page, watch }) => {
  // What is complete by the time it is called back.
  watch.expects(/409/);
  const folder = newFolder();
  for (let part = 1; part <= 10; part++) makePictures(join(folder, `part-${part}`), 600);
  await setUp(page, picup.current);
  const parts = watchParts(page);
  await dropPaths(page, [folder]);
  const panel = panelOf(page);
  await expect.poll(() => parts.length).toBeGreaterThan(0);
  await panel.getByRole('button', { name: 'Cancel all' }).click();
  await expect(panel).toContainText(/[\d,]+ cancelled/);
  await expect(panel).not.toContainText('Uploading');
  await expect(panel).not.toContainText('failed');
  await expect.poll(() => reserved(page)).toBe(0);
  const sent = parts.length;
  const kept = await total(page);
  await choose(page, makePictures(newFolder(), 2, 'after'));
  expect(await uploaded(page)).toContain('files uploaded');
  await expect.poll(() => total(page)).toBe(kept + 2);
  expect(parts.length).toBe(sent + 2);
});

test('cancelled in a pause, with a film half there', async ({ page }) => {
  await signIn(page, picup.current);
  const gate = await Gate.shut(page, 2);
  await choose(page, [makeLarge(newFolder()), ...makePictures(newFolder(), 3, 'beside')]);
  await gate.reached(2);
  const panel = panelOf(page);
  await panel.getByRole('button', { name: 'Pause' }).click();
  await expect(panel).toContainText('Paused');
  expect(await reserved(page)).toBeGreaterThan(0);
  await panel.getByRole('button', { name: 'Cancel all' }).click();
  await expect.poll(() => reserved(page)).toBe(0);
});
