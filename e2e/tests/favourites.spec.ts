// Hearts: by key and by button, on one and on many, seen by the account's other browsers, and taken back.
import { accessible, allShown, choose, expect, setUp, signIn, test, uploaded, usePicup, type Page } from './picup';
import { photographs } from './samples';

const picup = usePicup();
const hearts = (page: Page) => page.locator('[data-asset][aria-label*="Favourite"]');
const selected = (page: Page) => page.getByRole('toolbar', { name: 'Selection' }).locator('strong');

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await setUp(page, picup.current);
  await choose(page, photographs(6));
  await uploaded(page);
  await allShown(page);
  await page.close();
});

test('a heart by key is seen everywhere, and taken back by Ctrl+Z', async ({ page, browser }) => {
  await signIn(page, picup.current);
  await allShown(page);
  const other = await (await browser.newContext()).newPage();
  await signIn(other, picup.current);
  await allShown(other);

  await page.locator('[data-asset]').nth(1).focus();
  await page.keyboard.press('f');
  await expect(page.getByText('1 added to favourites')).toBeVisible();
  await expect(hearts(page)).toHaveCount(1);
  await expect(hearts(other)).toHaveCount(1);
  await page.keyboard.press('f');
  await expect(page.getByText('1 removed from favourites')).toBeVisible();
  await expect(hearts(other)).toHaveCount(0);
  await page.keyboard.press('Control+z');
  await expect(hearts(page)).toHaveCount(1);
  await expect(hearts(other)).toHaveCount(1);
  await other.context().close();
});

test('of some that are and some that are not, all become favourites; then none', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await page.locator('[data-asset]').first().focus();
  await page.keyboard.press('x');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+X');
  await expect(selected(page)).toHaveText('3 selected');
  await page.keyboard.press('f');
  await expect(page.getByText('3 added to favourites')).toBeVisible();
  await expect(hearts(page)).toHaveCount(3);

  await page.getByRole('link', { name: 'Favourites', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Favourites' })).toBeVisible();
  await expect(page.getByText('3 items')).toBeVisible();
  await expect(page.locator('[data-asset]')).toHaveCount(3);
  await allShown(page);
  await accessible(page, 'favourites');
  await page.locator('[data-asset]').first().focus();
  await page.keyboard.press('x');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('x');
  await page.getByRole('button', { name: 'Remove from favourites' }).click();
  await expect(page.locator('[data-asset]')).toHaveCount(1);
  await page.getByRole('button', { name: 'Undo' }).last().click();
  await expect(page.locator('[data-asset]')).toHaveCount(3);
});

test('what the server cannot do for now is offered again, and nothing is unselected', async ({ page, watch }) => {
  watch.expects(/503/);
  await signIn(page, picup.current);
  await allShown(page);
  await page.locator('[data-asset]').last().focus();
  await page.keyboard.press('x');
  const problem = { type: 'about:blank', title: 'Busy just now', status: 503, detail: 'Please try again.' };
  await page.route('**/api/assets/favourite', (route) => route.fulfill({ status: 503, json: problem }), { times: 1 });
  await page.keyboard.press('f');
  await expect(page.getByText('Busy just now')).toBeVisible();
  await expect(selected(page)).toHaveText('1 selected');
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByText('1 added to favourites')).toBeVisible();
  await expect(hearts(page)).toHaveCount(4);
});
