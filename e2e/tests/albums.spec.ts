// Selecting, and albums from the first to the last day of their life.
import { allShown, choose, drop, expect, setUp, signIn, test, total, uploaded, usePicup, type Page } from './picup';
import { photographs } from './samples';

const picup = usePicup();
const selected = (page: Page) => page.getByRole('toolbar', { name: 'Selection' }).locator('strong');

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await setUp(page, picup.current);
  await choose(page, photographs(10));
  await uploaded(page);
  await allShown(page);
  await page.close();
});

test('photos are selected by check, key, range and day', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  const tiles = page.locator('[data-asset]');
  await page.locator('.tile').first().hover();
  await page.locator('.check').first().click();
  await expect(selected(page)).toHaveText('1 selected');
  await tiles.nth(3).click({ modifiers: ['Shift'] });
  await expect(selected(page)).toHaveText('4 selected');
  await tiles.nth(2).click();
  await expect(selected(page)).toHaveText('3 selected');

  // What others do in the meantime does not undo it.
  const usage = page.waitForResponse('**/api/account');
  await drop(page, photographs(11).slice(10));
  await uploaded(page);
  await usage;
  await expect(tiles).toHaveCount(11);
  await expect(selected(page)).toHaveText('3 selected');
  await page.keyboard.press('Escape');
  await expect(selected(page)).toBeHidden();

  await tiles.nth(1).focus();
  await page.keyboard.press('x');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+X');
  await expect(selected(page)).toHaveText('3 selected');
  await page.keyboard.press('Escape');

  const day = page.getByRole('checkbox', { name: /^Select all of/ }).first();
  await day.focus();
  await page.keyboard.press('Space');
  await expect(selected(page)).toHaveText(/^[1-9]\d* selected$/);
  await page.keyboard.press('Escape');
});

test('an album is made, filled, renamed, emptied a little and deleted; its photos stay', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await page.locator('[data-asset]').first().focus();
  await page.keyboard.press('x');
  for (let times = 0; times < 4; times++) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+X');
  await expect(selected(page)).toHaveText('5 selected');
  await page.keyboard.press('l');
  const picker = page.getByRole('dialog', { name: 'Add to album' });
  await picker.getByLabel('Album name').fill('By the sea');
  await picker.getByRole('button', { name: 'Create' }).click();
  await expect(page.getByText('5 added to “By the sea”')).toBeVisible();
  await expect(selected(page)).toBeHidden();

  // One of them once more, and one that is new.
  await page.locator('[data-asset]').nth(4).focus();
  await page.keyboard.press('x');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('x');
  await page.getByRole('button', { name: 'Add to album' }).click();
  await picker.getByRole('button', { name: /By the sea/ }).click();
  await expect(page.getByText('1 added to “By the sea”')).toBeVisible();
  await expect(page.getByText('1 was there already')).toBeVisible();

  await page.getByRole('link', { name: 'Albums', exact: true }).click();
  await page.getByRole('link', { name: /By the sea/ }).click();
  await expect(page.getByRole('heading', { name: 'By the sea' })).toBeVisible();
  await expect(page.getByText('6 items')).toBeVisible();
  await expect(page.locator('[data-asset]')).toHaveCount(6);

  await page.locator('[data-asset]').first().click();
  await expect(page).toHaveURL(/#\/album\/.+\/photo\//);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Escape');
  await expect(page).toHaveURL(/#\/album\/[^/]+$/);

  await page.locator('[data-asset]').first().focus();
  await page.keyboard.press('x');
  await page.getByRole('button', { name: 'Remove from album' }).click();
  await expect(page.getByText('1 removed from the album')).toBeVisible();
  await expect(page.locator('[data-asset]')).toHaveCount(5);

  await page.getByRole('button', { name: 'Rename album' }).click();
  await page.getByLabel('Album name').fill('By the lake');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { name: 'By the lake' })).toBeVisible();

  await page.getByRole('button', { name: 'Delete album' }).click();
  const question = page.getByRole('dialog', { name: 'Delete “By the lake”?' });
  await question.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('heading', { name: 'By the lake' })).toBeVisible();
  await page.getByRole('button', { name: 'Delete album' }).click();
  await question.getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('No albums yet.')).toBeVisible();
  expect(await total(page)).toBe(11);
});

test('the album page makes one too', async ({ page }) => {
  await signIn(page, picup.current);
  await page.getByRole('link', { name: 'Albums', exact: true }).click();
  await page.getByRole('button', { name: 'New album' }).click();
  await page.getByLabel('Album name').fill('Empty so far');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Empty so far' })).toBeVisible();
  await expect(page.getByText('This album is empty.')).toBeVisible();
});
