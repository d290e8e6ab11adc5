// The trash from the first to the last day of its content, in two browsers at once.
import { accessible, allShown, choose, expect, setUp, signIn, test, total, uploaded, usePicup, type Page } from './picup';
import { photographs } from './samples';

const picup = usePicup();
const tiles = (page: Page) => page.locator('[data-asset]');

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await setUp(page, picup.current);
  await choose(page, photographs(9));
  await uploaded(page);
  await allShown(page);
  await page.close();
});

async function openTrash(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Trash', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Trash' })).toBeVisible();
}

test('into the trash by key, seen by the other browser, and back by notice and by Ctrl+Z', async ({ page, browser }) => {
  await signIn(page, picup.current);
  await allShown(page);
  const other = await (await browser.newContext()).newPage();
  await signIn(other, picup.current);
  await allShown(other);

  await tiles(page).nth(2).focus();
  const next = await tiles(page).nth(3).getAttribute('data-asset');
  await page.keyboard.press('Delete');
  await expect(page.getByText('1 moved to the trash')).toBeVisible();
  await expect(tiles(page)).toHaveCount(8);
  await expect(tiles(other)).toHaveCount(8);
  // The keys go on from the photo that took its place.
  await page.keyboard.press('x');
  await expect(page.locator('.tile.selected [data-asset]')).toHaveAttribute('data-asset', next ?? '');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(tiles(page)).toHaveCount(9);
  await expect(tiles(other)).toHaveCount(9);

  await tiles(page).first().focus();
  await page.keyboard.press('x');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('x');
  await page.getByRole('button', { name: 'Move to trash' }).click();
  await expect(tiles(other)).toHaveCount(7);
  await page.keyboard.press('Control+z');
  await expect(page.getByText('2 restored')).toBeVisible();
  await expect(tiles(other)).toHaveCount(9);
  expect(await total(page)).toBe(9);
  await other.context().close();
});

test('each tells how long it stays; some are restored, one is deleted for ever', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await tiles(page).first().focus();
  await page.keyboard.press('x');
  for (let times = 0; times < 4; times++) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+X');
  await page.keyboard.press('Delete');
  await expect(page.getByText('5 moved to the trash')).toBeVisible();
  await openTrash(page);
  await expect(page.getByText(/^5 items · .+ · Each is deleted for ever after 30 days here\.$/)).toBeVisible();
  await expect(page.getByText('30 days', { exact: true })).toHaveCount(5);
  await expect(page.getByRole('link', { name: /30 days left$/ })).toHaveCount(5);
  await allShown(page);
  await accessible(page, 'trash');

  await tiles(page).first().focus();
  await page.keyboard.press('x');
  await page.getByRole('button', { name: 'Restore' }).click();
  await expect(page.getByText('1 restored')).toBeVisible();
  await expect(tiles(page)).toHaveCount(4);
  await tiles(page).first().focus();
  await page.keyboard.press('Delete');
  const question = page.getByRole('dialog', { name: 'Delete 1 for ever?' });
  await question.getByRole('button', { name: 'Cancel' }).click();
  await expect(tiles(page)).toHaveCount(4);
  await page.keyboard.press('Delete');
  await question.getByRole('button', { name: 'Delete for ever' }).click();
  await expect(page.getByText('1 deleted for ever')).toBeVisible();
  await expect(tiles(page)).toHaveCount(3);
  expect(await total(page)).toBe(5);

  await tiles(page).first().click();
  await expect(page).toHaveURL(/#\/trash\/photo\//);
  await page.keyboard.press('Escape');
  await expect(page).toHaveURL(/#\/trash$/);
});

test('what another browser deleted meanwhile is told one by one', async ({ page, browser, watch }) => {
  // This browser hears of nothing, as when its line has just been cut.
  watch.expects(/api\/events/);
  watch.expects(/404/);
  await page.route('**/api/events', (route) => route.abort());
  await signIn(page, picup.current);
  await openTrash(page);
  await expect(tiles(page)).toHaveCount(3);
  await allShown(page);
  const other = await (await browser.newContext()).newPage();
  await signIn(other, picup.current);
  await openTrash(other);
  await tiles(other).first().focus();
  await other.keyboard.press('Delete');
  await other.getByRole('dialog').getByRole('button', { name: 'Delete for ever' }).click();
  await expect(tiles(other)).toHaveCount(2);
  await other.context().close();

  await tiles(page).first().focus();
  await page.keyboard.press('x');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('x');
  await page.getByRole('button', { name: 'Restore' }).click();
  await expect(page.getByText('1 restored')).toBeVisible();
  await expect(page.getByText('1 could not be')).toBeVisible();
  await page.getByRole('button', { name: 'Show' }).click();
  const dialog = page.getByRole('dialog', { name: 'This did not work for 1 photo' });
  await expect(dialog.getByText('It is not there any more.')).toBeVisible();
  await expect(dialog.getByText(/^Taken on/)).toBeVisible();
  await accessible(page, 'what failed');
  await page.screenshot({ path: 'artifacts/what-failed.png' });
  await dialog.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByText('That did not work for 1 photo')).toBeVisible();
});

test('it is emptied after a question that says how much, and the other browser sees it go', async ({ page, browser }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await tiles(page).first().focus();
  await page.keyboard.press('x');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('x');
  await page.keyboard.press('Delete');
  await expect(page.getByText('2 moved to the trash')).toBeVisible();
  await openTrash(page);
  await expect(tiles(page)).toHaveCount(3);
  const other = await (await browser.newContext()).newPage();
  await signIn(other, picup.current);
  await openTrash(other);
  await expect(tiles(other)).toHaveCount(3);

  await page.getByRole('button', { name: 'Empty the trash' }).click();
  const question = page.getByRole('dialog', { name: 'Empty the trash?' });
  await expect(question.getByText(/^3 items with .+ in all are deleted for ever\.$/)).toBeVisible();
  await accessible(page, 'the question before the trash is emptied');
  await question.getByRole('button', { name: 'Cancel' }).click();
  await expect(tiles(page)).toHaveCount(3);
  await page.getByRole('button', { name: 'Empty the trash' }).click();
  await question.getByRole('button', { name: 'Empty the trash' }).click();
  await expect(page.getByText('The trash is empty now')).toBeVisible();
  await expect(page.getByText('The trash is empty.')).toBeVisible();
  await expect(other.getByText('The trash is empty.')).toBeVisible();
  await other.context().close();
});

test('what takes room is explained', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await tiles(page).first().focus();
  await page.keyboard.press('Delete');
  await expect(page.getByText('1 moved to the trash')).toBeVisible();
  await page.getByRole('navigation').getByRole('button', { name: 'What takes up space' }).click();
  const dialog = page.getByRole('dialog', { name: 'Storage' });
  await expect(dialog.getByText(/^1 item lies in the trash and still takes/)).toBeVisible();
  await accessible(page, 'what takes room');
  await dialog.getByRole('link', { name: 'Go to the trash' }).click();
  await expect(page.getByRole('heading', { name: 'Trash' })).toBeVisible();
  await expect(dialog).toBeHidden();
});
