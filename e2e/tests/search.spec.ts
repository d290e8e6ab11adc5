// Searching: by words and filters, typed or chosen, on a desk and on a phone.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accessible, choose, expect, setUp, signIn, test, uploaded, usePicup, type Page } from './picup';
import { makeVideo, photographs } from './samples';

const picup = usePicup();
const tiles = (page: Page) => page.locator('[data-asset]');
const field = (page: Page) => page.getByRole('textbox', { name: 'Search your photos' }).locator('visible=true');
const status = (page: Page) => page.getByRole('status').filter({ hasText: /found/ });

async function search(page: Page, text: string): Promise<void> {
  await page.keyboard.press('/');
  await expect(field(page)).toBeFocused();
  await field(page).fill(text);
  await page.keyboard.press('Enter');
}

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await setUp(page, picup.current);
  const notes = join(picup.current.folder, 'a 100% note.jpg');
  writeFileSync(notes, 'not a picture');
  await choose(page, [...photographs(8), makeVideo(picup.current.folder), notes]);
  await uploaded(page);
  const noted = () => page.locator('.tile .note').evaluateAll((notes) => notes.map((note) => note.getAttribute('title')));
  await expect.poll(noted, { timeout: 60_000 }).toEqual(['No preview']);
  await page.close();
});

test('words and filters are typed, and the address keeps them', async ({ page }) => {
  await signIn(page, picup.current);
  await expect(tiles(page)).toHaveCount(10);
  await search(page, 'moving');
  await expect(page).toHaveURL(/#\/search\/moving$/);
  await expect(tiles(page)).toHaveCount(1);
  await expect(status(page)).toHaveText('1 found');
  await search(page, '100%');
  await expect(page.getByText('1 found')).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(/#\/search\/moving$/);
  await expect(field(page)).toHaveValue('moving');
  await page.reload();
  await expect(tiles(page)).toHaveCount(1);
  await search(page, 'kind:photo .jpg');
  await expect(tiles(page)).toHaveCount(8);
  await search(page, 'nothing has this name');
  await expect(page.getByRole('heading', { name: 'Nothing found' })).toBeVisible();
  await search(page, 'kind:picture moving');
  await expect(page.getByText('“kind:picture” is not understood')).toBeVisible();
  await expect(tiles(page)).toHaveCount(1);
  await search(page, 'album:Winter');
  await expect(page.getByText('There is no album called “Winter”.')).toBeVisible();
  await accessible(page, 'a search');
});

test('filters are chosen, and taken away', async ({ page }) => {
  await signIn(page, picup.current);
  await page.goto(`${picup.current.origin}/#/search`);
  await expect(page.getByRole('heading', { name: 'What are you looking for?' })).toBeVisible();
  await accessible(page, 'the beginning of a search');
  await page.getByRole('combobox', { name: 'Kind' }).focus();
  await page.getByRole('combobox', { name: 'Kind' }).selectOption('Videos');
  await expect(page).toHaveURL(/#\/search\/kind%3Avideo$/);
  await expect(tiles(page)).toHaveCount(1);
  await expect(page.getByRole('combobox', { name: 'Kind' })).toBeFocused();
  await page.getByRole('combobox', { name: 'Kind' }).selectOption('Any kind');
  await page.getByRole('button', { name: 'Favourites' }).click();
  await expect(page.getByRole('heading', { name: 'Nothing found' })).toBeVisible();
  await page.getByRole('button', { name: 'Favourites' }).click();
  await page.getByRole('button', { name: 'Any time' }).click();
  await page.getByLabel('To', { exact: true }).fill('1990-12-31');
  await expect(page).toHaveURL(/#\/search\/to%3A1990-12-31$/);
  await expect(page.getByRole('heading', { name: 'Nothing found' })).toBeVisible();
  await page.getByRole('button', { name: 'Any time' }).click();
  await expect(page.getByRole('heading', { name: 'What are you looking for?' })).toBeVisible();
});

test('the viewer walks what was found, and closing it leads back', async ({ page }) => {
  await signIn(page, picup.current);
  await search(page, 'kind:photo');
  await expect(tiles(page)).toHaveCount(8);
  const ids = await tiles(page).evaluateAll((all) => all.map((tile) => tile.getAttribute('data-asset')));
  await tiles(page).first().click();
  await expect(page).toHaveURL(new RegExp(`#/search/kind%3Aphoto/photo/${ids[0]}$`));
  await page.keyboard.press('ArrowRight');
  await expect(page).toHaveURL(new RegExp(`photo/${ids[1]}$`));
  await page.reload();
  await expect(page.getByRole('button', { name: 'Next' })).toBeVisible();
  await page.keyboard.press('ArrowRight');
  await expect(page).toHaveURL(new RegExp(`photo/${ids[2]}$`));
  await page.keyboard.press('Escape');
  await expect(page).toHaveURL(/#\/search\/kind%3Aphoto$/);
  await tiles(page).nth(1).focus();
  await page.keyboard.press('x');
  await expect(page.getByText('1 selected')).toBeVisible();
});

test('what changes elsewhere shows', async ({ page, context }) => {
  await signIn(page, picup.current);
  await search(page, 'kind:video');
  await expect(tiles(page)).toHaveCount(1);
  const id = (await tiles(page).first().getAttribute('data-asset')) ?? '';
  const move = (what: string) =>
    context.request.post(`${picup.current.origin}/api/assets/${what}`, {
      data: { assets: [id] },
      headers: { 'sec-fetch-site': 'same-origin' },
    });
  expect((await move('trash')).status()).toBe(200);
  await expect(page.getByRole('heading', { name: 'Nothing found' })).toBeVisible();
  expect((await move('restore')).status()).toBe(200);
  await expect(tiles(page)).toHaveCount(1);
});

test.describe('on a phone', () => {
  test.use({ viewport: { width: 320, height: 640 } });

  test('the search is behind its icon', async ({ page }) => {
    await signIn(page, picup.current);
    await page.getByRole('link', { name: 'Search' }).click();
    await expect(field(page)).toBeVisible();
    await field(page).fill('moving');
    await field(page).press('Enter');
    await expect(tiles(page)).toHaveCount(1);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(over).toBeLessThanOrEqual(0);
    await accessible(page, 'a search on a phone');
  });
});
