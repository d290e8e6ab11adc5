// Albums that several people share: each sees what their role lets them see, does what it lets them do, and leaves with their own.
import { accessible, allShown, choose, expect, setUp, signIn, spotless, still, test, uploaded, usePicup, type Page } from './picup';
import { photographs } from './samples';
import { openSharing, person, pictured, shareDialog } from './sharing';
import { api, idsOf, open, previewOf, viewerOf } from './viewing';

const picup = usePicup();
const files = photographs(5);
const BOB = 'nine grey pigeons';
const EVE = 'ten loud trumpets';
let album = '';
let hers: string[] = [];
let his = '';

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await setUp(page, picup.current);
  await choose(page, files.slice(0, 3));
  await uploaded(page);
  await allShown(page);
  hers = await idsOf(page);
  album = (await api<{ id: string }>(page, 'POST', '/api/albums', { title: 'By the sea' })).id;
  await api(page, 'POST', `/api/albums/${album}/assets`, { assets: hers.slice(0, 2) });
  for (const [name, password, photos] of [['Bob', BOB, files.slice(3, 5)], ['Eve', EVE, []]] as const) {
    const one = await (await browser.newContext()).newPage();
    await person(one, picup.current, name, password);
    if (photos.length > 0) {
      await choose(one, [...photos]);
      await uploaded(one);
      await allShown(one);
      [his = ''] = await idsOf(one);
    }
    await one.context().close();
  }
  await page.close();
});

const address = () => `${picup.current.origin}/#/album/${album}`;
const tiles = (page: Page) => page.locator('main [data-asset]');
const bar = (page: Page) => page.getByRole('toolbar', { name: 'Selection' });

async function enterAs(page: Page, name: string, password: string): Promise<void> {
  await signIn(page, picup.current, `${name}@example.org`, password);
  await expect(page.getByRole('button', { name: /^Account of/ })).toBeVisible();
}

test('an album is shared with people, who see it and add to it, and nobody else does', async ({ page, browser, watch }) => {
  watch.expects(/404/);
  await signIn(page, picup.current);
  await page.goto(address());
  await pictured(page, 2);
  await openSharing(page);
  const dialog = shareDialog(page);
  await dialog.getByLabel('E-mail').fill('nobody@example.org');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(dialog.getByRole('alert')).toContainText('Nobody here has this address.');
  await dialog.getByLabel('E-mail').fill('bob@example.org');
  await dialog.getByLabel('What they may do', { exact: true }).selectOption('Can add photos');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(dialog.getByText('Bob sees this album now')).toBeVisible();
  await expect(dialog.getByLabel('What Bob may do')).toHaveValue('contributor');
  await still(page);
  await accessible(page, 'the people of an album');
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByText(/2 items · .* · Shared with 1 person/)).toBeVisible();

  const bob = await (await browser.newContext()).newPage();
  watch.follow(bob);
  await enterAs(bob, 'bob', BOB);
  await bob.getByRole('link', { name: 'Albums', exact: true }).click();
  await expect(bob.getByRole('link', { name: /By the sea.*Shared by Ada/s })).toBeVisible();
  await expect(bob.locator('.cover img')).toHaveJSProperty('complete', true);
  await accessible(bob, 'albums of which one is shared');
  await bob.getByRole('link', { name: /By the sea/ }).click();
  await pictured(bob, 2);
  for (const name of ['Share album', 'Rename album', 'Delete album', 'Change the order']) {
    await expect(bob.getByRole('button', { name }), name).toHaveCount(0);
  }

  // What is hers he sees and fetches, and does nothing else with.
  await open(bob, hers[0] ?? '');
  for (const name of ['Favourite', 'Add to album', 'Move to trash']) {
    await expect(viewerOf(bob).getByRole('button', { name }), name).toHaveCount(0);
  }
  await bob.keyboard.press('f');
  await bob.keyboard.press('Delete');
  await bob.keyboard.press('i');
  await expect(viewerOf(bob).getByRole('complementary')).toContainText(/Shared by\s*Ada/);
  await expect(viewerOf(bob).getByRole('button', { name: 'Change date and time' })).toHaveCount(0);
  await accessible(bob, 'the information of somebody else’s photo');
  const original = (await viewerOf(bob).getByRole('link', { name: 'Download original' }).getAttribute('href')) ?? '';
  expect((await bob.request.get(picup.current.origin + original)).status()).toBe(200);
  await bob.keyboard.press('Escape');
  await bob.keyboard.press('Escape');
  await expect(viewerOf(bob)).toHaveCount(0);

  // He adds one of his, and Ada sees it come.
  await bob.getByRole('button', { name: 'Add photos' }).click();
  await bob.locator(`[data-asset="${his}"]`).click();
  await bob.getByRole('button', { name: 'Add to the album' }).click();
  await expect(bob.getByText('1 added to “By the sea”')).toBeVisible();
  await pictured(bob, 3);
  await pictured(page, 3);
  await open(page, his);
  await expect(viewerOf(page).getByRole('button', { name: 'Favourite' })).toHaveCount(0);
  await page.keyboard.press('Escape');

  const eve = await (await browser.newContext()).newPage();
  watch.follow(eve);
  await enterAs(eve, 'eve', EVE);
  await eve.getByRole('link', { name: 'Albums', exact: true }).click();
  await expect(eve.getByText('No albums yet.')).toBeVisible();
  await eve.goto(address());
  await expect(eve.getByRole('heading', { name: 'This album is gone' })).toBeVisible();
  for (const path of [`/api/albums/${album}`, `/api/albums/${album}/members`, `/api/assets/${hers[0]}`]) {
    expect((await eve.request.get(picup.current.origin + path)).status(), path).toBe(404);
  }
  expect((await eve.request.get(picup.current.origin + (original.split('?')[0] ?? ''))).status()).toBe(403);
  await eve.context().close();
  await bob.context().close();
});

test('what is selected is acted upon as far as one may', async ({ page }) => {
  await enterAs(page, 'bob', BOB);
  await page.goto(address());
  await pictured(page, 3);
  await page.locator(`[data-asset="${hers[0]}"]`).focus();
  await page.keyboard.press('x');
  await expect(bar(page).getByRole('button')).toHaveCount(1);
  await page.locator(`[data-asset="${his}"]`).focus();
  await page.keyboard.press('x');
  await expect(bar(page).getByRole('button', { name: 'Set as album cover' })).toHaveCount(0);
  await accessible(page, 'a selection of several people’s photos');
  await bar(page).getByRole('button', { name: 'Add to favourites' }).click();
  await expect(page.getByText('1 is somebody else’s and stays as it is')).toBeVisible();
  await expect(page.getByText('1 added to favourites')).toBeVisible();
  await expect(page.locator(`[data-asset="${his}"]`)).toHaveAttribute('aria-label', /Favourite/);
});

test('a role is changed and seen at once, and a picker offers what one may add to', async ({ page, browser, watch }) => {
  await signIn(page, picup.current);
  await page.goto(address());
  await openSharing(page);
  const bob = await (await browser.newContext()).newPage();
  watch.follow(bob);
  await enterAs(bob, 'bob', BOB);
  await bob.goto(address());
  await pictured(bob, 3);
  await expect(bob.getByRole('button', { name: 'Add photos' })).toBeVisible();
  await shareDialog(page).getByLabel('What Bob may do').selectOption('Can look');
  await expect(shareDialog(page).getByText('Bob: can look')).toBeVisible();
  await expect(bob.getByRole('button', { name: 'Add photos' })).toHaveCount(0);
  await bob.locator(`[data-asset="${his}"]`).focus();
  await bob.keyboard.press('l');
  await expect(bob.getByRole('dialog', { name: 'Add to album' }).getByRole('button', { name: /By the sea/ })).toHaveCount(0);
  await bob.keyboard.press('Escape');
  await bob.getByRole('button', { name: 'People' }).click();
  await expect(shareDialog(bob)).toContainText(/Ada.*Owner.*Bob.*You.*Can look/s);
  await expect(shareDialog(bob).getByRole('textbox')).toHaveCount(0);
  await accessible(bob, 'who sees an album');
  await shareDialog(bob).getByRole('button', { name: 'Done' }).click();

  await shareDialog(page).getByLabel('What Bob may do').selectOption('Can manage');
  await expect(bob.getByRole('button', { name: 'Share album' })).toBeVisible();
  await bob.setViewportSize({ width: 360, height: 740 });
  await spotless(bob, 'a shared album on a phone');
  await openSharing(bob);
  await spotless(bob, 'sharing on a phone');
  await expect(shareDialog(bob).getByLabel('What they may do', { exact: true }).getByRole('option')).toHaveText(['Can look', 'Can add photos']);
  await bob.context().close();
});

test('whoever leaves takes what is theirs along', async ({ page, browser, watch }) => {
  watch.expects(/404/);
  await signIn(page, picup.current);
  await page.goto(address());
  await pictured(page, 3);
  const bob = await (await browser.newContext()).newPage();
  watch.follow(bob);
  await enterAs(bob, 'bob', BOB);
  await bob.goto(address());
  await bob.getByRole('button', { name: 'Leave album' }).click();
  const question = bob.getByRole('dialog', { name: 'Leave “By the sea”?' });
  await accessible(bob, 'leaving an album');
  await question.getByRole('button', { name: 'Leave album' }).click();
  await expect(bob.getByText('You have left the album')).toBeVisible();
  await expect(bob.getByText('No albums yet.')).toBeVisible();
  await expect(tiles(page)).toHaveCount(2);
  await bob.getByRole('link', { name: 'Photos', exact: true }).click();
  await pictured(bob, 2);

  // Let in again, he is taken out by its owner while he looks.
  await openSharing(page);
  await shareDialog(page).getByLabel('E-mail').fill('bob@example.org');
  await page.keyboard.press('Enter');
  await expect(shareDialog(page).getByText('Bob sees this album now')).toBeVisible();
  await bob.goto(address());
  await pictured(bob, 2);
  await bob.locator(`[data-asset="${hers[0]}"]`).click();
  await expect(previewOf(bob)).toBeVisible();
  await shareDialog(page).getByRole('button', { name: 'Remove Bob' }).click();
  await accessible(page, 'a member to be removed');
  await page.getByRole('dialog', { name: 'Remove Bob?' }).getByRole('button', { name: 'Remove' }).click();
  await expect(shareDialog(page).getByText('Bob sees this album no more')).toBeVisible();
  await expect(viewerOf(bob).getByText('There is no such photo here.')).toBeVisible();
  await bob.keyboard.press('Escape');
  await expect(bob.getByRole('heading', { name: 'This album is gone' })).toBeVisible();
  await bob.context().close();
});
