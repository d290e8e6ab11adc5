// Names as hostile as a disk allows, and titles as long as the server takes: everything stays in its place, and is text.
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { allShown, choose, expect, picture, setUp, signIn, spotless, test, uploaded, usePicup } from './picup';
import { makePictures, newFolder, panelOf } from './upload';

const picup = usePicup();
const NAMES = [
  `${'a'.repeat(251)}.png`,
  `${'긴'.repeat(83)}.png`,
  `${'👩‍👩‍👧‍👦'.repeat(9)}.png`,
  '<img src=x onerror=document.title=1>.png',
  'صورة من العطلة.png',
  'two\nlines.png',
  '  spaces  .png',
  '{count}%s&amp;"quotes\'.png',
];

test('files', async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  await setUp(page, picup.current);
  const folder = newFolder();
  const files = makePictures(folder, NAMES.length).map((path, index) => {
    const named = join(folder, NAMES[index] ?? '');
    renameSync(path, named);
    return named;
  });
  await choose(page, files);
  expect(await uploaded(page)).toContain(`${NAMES.length} files uploaded`);
  await allShown(page);
  await panelOf(page).getByRole('button', { name: 'Show files' }).click();
  await spotless(page, 'names in the panel');
  await picture(page, 'names panel');
  await panelOf(page).getByRole('button', { name: 'Close' }).click();
  await allShown(page);
  let seen = 0;
  for (const tile of await page.locator('[data-asset]').all()) {
    await tile.click();
    const viewer = page.getByRole('dialog', { name: 'Viewer' });
    await viewer.locator('.preview.shown').first().waitFor();
    await page.keyboard.press('i');
    await expect(viewer.getByText(/\.png/).first()).toBeVisible();
    await spotless(page, 'a name in the viewer');
    await picture(page, `names viewer ${'abcdefgh'[seen++]}`);
    await page.keyboard.press('i');
    await page.keyboard.press('Escape');
    await expect(viewer).toBeHidden();
  }
  expect(await page.title()).toContain('PicUp');
  expect(await page.locator('img[src=x]').count()).toBe(0);
});

test('albums', async ({ page, watch }) => {
  watch.expects(/422/);
  await signIn(page, picup.current);
  await page.setViewportSize({ width: 320, height: 640 });
  for (const title of ['W'.repeat(200), '<b onclick=x>'.repeat(15), 'م'.repeat(200), '👨‍👩‍👧'.repeat(20)]) {
    const answer = await page.request.post(`${picup.current.origin}/api/albums`, { data: { title }, headers: { Origin: picup.current.origin } });
    expect(answer.ok(), `${title}: ${await answer.text()}`).toBe(true);
  }
  await page.goto(`${picup.current.origin}/#/albums`);
  await expect(page.getByText('WWWW').first()).toBeVisible();
  await spotless(page, 'titles of albums');
  await picture(page, 'names albums');
  await page.getByRole('link', { name: /WWWW/ }).first().click();
  await expect(page.getByRole('heading', { name: /WWWW/ })).toBeVisible();
  await spotless(page, 'an album of a long title');
  await expect(page.getByText('This album is empty.'), 'what is in it is not pushed away').toBeInViewport();
  await picture(page, 'names album');
  await page.setViewportSize({ width: 1440, height: 900 });
  await picture(page, 'names album wide');
});
