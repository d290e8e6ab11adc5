// Selecting, and albums from the first to the last day of their life.
import { accessible, allShown, choose, drop, expect, setUp, signIn, test, total, uploaded, usePicup, type Page } from './picup';
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
  const check = page.locator('.tile', { has: page.locator('[data-asset]:focus') }).locator('.check');
  expect(await check.evaluate((button) => {
    const { left, top, width, height } = button.getBoundingClientRect();
    return button.contains(document.elementFromPoint(left + width / 2, top + height / 2));
  }), 'the check stands above the picture that has the focus').toBe(true);
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

/** An album of some photos of the timeline, by the API. */
async function makeAlbum(page: Page, title: string, count: number): Promise<string> {
  const origin = new URL(page.url()).origin;
  const headers = { origin };
  const album = (await (await page.request.post(`${origin}/api/albums`, { headers, data: { title } })).json()) as { id: string };
  const { id } = (await (await page.request.get(`${origin}/api/timeline/assets?limit=${Math.max(1, count)}`)).json()) as { id: string[] };
  if (count > 0) await page.request.post(`${origin}/api/albums/${album.id}/assets`, { headers, data: { assets: id } });
  return album.id;
}

const order = (page: Page) =>
  page.locator('main [data-asset], main [data-cell]').evaluateAll((tiles) =>
    tiles.map((tile) => tile.getAttribute('data-asset') ?? tile.getAttribute('data-cell')),
  );
const served = async (page: Page, album: string) =>
  ((await (await page.request.get(new URL(`/api/albums/${album}/assets`, page.url()).href)).json()) as { id: string[] }).id;

test('photos are put into order by keys and by hand, and the other browser sees it', async ({ page, browser }) => {
  await signIn(page, picup.current);
  const album = await makeAlbum(page, 'In order', 6);
  const address = `${picup.current.origin}/#/album/${album}`;
  await page.goto(address);
  await expect(page.locator('[data-asset]')).toHaveCount(6);
  await allShown(page);
  const before = await order(page);
  const other = await (await browser.newContext()).newPage();
  await signIn(other, picup.current);
  await other.goto(address);
  await expect(other.locator('[data-asset]')).toHaveCount(6);

  await page.getByRole('button', { name: 'Change the order' }).click();
  const cells = page.locator('[data-cell]');
  await expect(cells).toHaveCount(6);
  await accessible(page, 'an album being put into order');
  await cells.first().focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Put down at place 3 of 6')).toBeAttached();
  const [a, b, c, ...rest] = before;
  await expect.poll(() => served(page, album)).toEqual([b, c, a, ...rest]);
  await expect.poll(() => order(other)).toEqual([b, c, a, ...rest]);
  await expect(page.locator(`[data-cell="${a}"]`)).toBeFocused();

  // Given up half-way, everything is where it was.
  await page.keyboard.press('Enter');
  await page.keyboard.press('End');
  await expect.poll(() => order(page)).toEqual([b, c, ...rest, a]);
  await page.keyboard.press('Escape');
  await expect.poll(() => order(page)).toEqual([b, c, a, ...rest]);

  // The last one by hand to the front, and back by Ctrl+Z. A cell that still slides is not where it will be.
  const sliding = () => cells.evaluateAll((all) => all.flatMap((cell) => cell.getAnimations({ subtree: true })).length);
  await expect.poll(sliding).toBe(0);
  const [from, to] = [await cells.nth(5).boundingBox(), await cells.first().boundingBox()];
  if (!from || !to) throw new Error('no place');
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(to.x + to.width / 2 + 4, to.y + to.height / 2, { steps: 8 });
  await expect.poll(async () => (await order(page))[0]).toBe(rest.at(-1));
  await page.mouse.up();
  await expect.poll(() => served(page, album)).toEqual([rest.at(-1), b, c, a, ...rest.slice(0, -1)]);
  await expect.poll(() => order(other)).toEqual([rest.at(-1), b, c, a, ...rest.slice(0, -1)]);
  await page.keyboard.press('Control+z');
  await expect.poll(() => served(page, album)).toEqual([b, c, a, ...rest]);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Change the order' })).toBeVisible();
  await other.context().close();
});

test('a cover is chosen, and photos are added from the album itself', async ({ page }) => {
  await signIn(page, picup.current);
  const album = await makeAlbum(page, 'Covered', 3);
  await page.goto(`${picup.current.origin}/#/album/${album}`);
  await expect(page.locator('[data-asset]')).toHaveCount(3);
  await expect(page.getByText(/^3 items · .*\d{4}$/)).toBeVisible();
  const last = await page.locator('[data-asset]').nth(2).getAttribute('data-asset');
  await page.locator('[data-asset]').nth(2).focus();
  await page.keyboard.press('x');
  await page.getByRole('button', { name: 'Set as album cover' }).click();
  await expect(page.getByText('This is the album’s cover now')).toBeVisible();
  await expect(selected(page)).toBeHidden();
  await page.getByRole('link', { name: 'Albums', exact: true }).first().click();
  await expect(page.getByRole('link', { name: /Covered/ }).locator(`img[src*="${last}"]`)).toBeVisible();

  await page.getByRole('link', { name: /Covered/ }).click();
  await page.getByRole('button', { name: 'Add photos' }).click();
  await expect(page.getByText('Choose photos for “Covered”')).toBeVisible();
  await page.locator('[data-asset]').nth(5).click();
  await page.locator('[data-asset]').nth(6).click();
  await expect(selected(page)).toHaveText('2 selected');
  await accessible(page, 'choosing photos for an album');
  await page.getByRole('button', { name: 'Add to the album' }).click();
  await expect(page.getByText('2 added to “Covered”')).toBeVisible();
  await expect(page).toHaveURL(/#\/album\//);
  await expect(page.locator('[data-asset]')).toHaveCount(5);
});

test('albums are sorted and found', async ({ page }) => {
  await signIn(page, picup.current);
  for (const title of ['Été 10', 'Été 9', 'Winter', 'Garden', 'Cats', 'Boats']) await makeAlbum(page, title, 0);
  await page.getByRole('link', { name: 'Albums', exact: true }).click();
  const titles = page.locator('main li strong');
  await expect(titles.first()).toHaveText('Boats');
  await page.getByLabel('Sort by').selectOption('Title');
  await expect(titles.nth(1)).toHaveText('Cats');
  await page.getByLabel('Find an album').fill('ete');
  await expect(titles).toHaveText(['Été 9', 'Été 10']);
  await accessible(page, 'albums');
  await page.getByLabel('Find an album').fill('spring');
  await expect(page.getByText('No album is called that.')).toBeVisible();
  await page.reload();
  await expect(page.getByLabel('Sort by')).toHaveValue('title');
  await expect(titles.first()).toHaveText('Boats');
});

test('an album that is deleted elsewhere says so, and its photos stay', async ({ page, browser, watch }) => {
  // It is looked for once more.
  watch.expects(/404/);
  await signIn(page, picup.current);
  await page.getByRole('link', { name: 'Albums', exact: true }).click();
  await page.getByRole('button', { name: 'New album' }).first().click();
  await page.getByLabel('Album name').fill('Short-lived');
  await page.getByRole('button', { name: 'Create' }).click();
  await expect(page.getByRole('heading', { name: 'Short-lived' })).toBeVisible();
  const album = new URL(page.url()).hash.split('/')[2] ?? '';
  await page.getByRole('button', { name: 'Rename album' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();

  const other = await (await browser.newContext()).newPage();
  await signIn(other, picup.current);
  await other.evaluate((id) => fetch(`/api/albums/${id}`, { method: 'DELETE' }), album);
  await other.context().close();

  await expect(page.getByRole('heading', { name: 'This album is gone' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Short-lived' })).toBeHidden();
  await expect(page.getByRole('dialog')).toBeHidden();
  await accessible(page, 'an album that is gone');
  await page.reload();
  await expect(page.getByRole('heading', { name: 'This album is gone' })).toBeVisible();
  await page.getByRole('main').getByRole('link', { name: 'Albums' }).click();
  await expect(page.getByRole('heading', { name: 'Albums' })).toBeVisible();
});
