// Files that change, or go, between being chosen and being sent: each is named with what is the matter, and the others go on.
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { choose, expect, setUp, signIn, test, total, usePicup, type Page } from './picup';
import { Gate, makeLarge, makePictures, newFolder, panelOf } from './upload';

const picup = usePicup();

const CHANGED = 'The file changed while it was being sent';

test('what is changed or deleted before it is sent is named, and the others go on', async ({ page, watch }) => {
  watch.expects(/ERR_(UPLOAD_FILE_CHANGED|FILE_NOT_FOUND)/);
  await setUp(page, picup.current);
  const folder = newFolder();
  const files = makePictures(folder, 4);
  const [gone = '', changed = ''] = files;
  // They are known by their bytes, and have not set out.
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  let asked = false;
  await page.route(/\/api\/uploads(\/many)?$/, async (route) => {
    asked = true;
    await answered;
    await route.continue();
  });
  await choose(page, files);
  await expect.poll(() => asked).toBe(true);
  rmSync(gone);
  appendFileSync(changed, 'more');
  answer();

  const panel = panelOf(page);
  await expect(panel).toContainText('2 failed');
  await expect(panel).toContainText('2 files uploaded');
  for (const name of ['picture-1.png', 'picture-2.png']) await expect(panel.locator('li', { hasText: name })).toContainText(CHANGED);
  await expect(page.getByText('Connection lost.')).toBeHidden();
  expect(await total(page)).toBe(2);
  await expect.poll(() => reserved(page), 'their room is given back').toBe(0);
});

test('a film that is changed between its parts is named, and what is chosen with it goes on', async ({ page, watch }) => {
  watch.expects(/ERR_(UPLOAD_FILE_CHANGED|FILE_NOT_FOUND)/);
  await signIn(page, picup.current);
  const folder = newFolder();
  const film = makeLarge(folder);
  const gate = await Gate.shut(page, 2);
  await choose(page, [film, ...makePictures(folder, 2, 'beside')]);
  await gate.reached(2);
  writeFileSync(film, randomBytes(30 << 20));
  gate.open();
  const panel = panelOf(page);
  await expect(panel.locator('li', { hasText: 'film.mov' })).toContainText(CHANGED);
  await expect(panel).toContainText('2 files uploaded');
  expect(await total(page)).toBe(4);
  await expect.poll(() => reserved(page), 'its room is given back').toBe(0);
});

/** What uploads under way have been promised. */
async function reserved(page: Page): Promise<number> {
  const answer = await page.request.get(`${picup.current.origin}/api/account`);
  return ((await answer.json()) as { reserved_bytes: number }).reserved_bytes;
}
