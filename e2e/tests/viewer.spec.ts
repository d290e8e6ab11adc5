// The viewer on a desk: keys and mouse, what one does with a photo, and what other devices do meanwhile.
import { allShown, expect, signIn, test, usePicup, type Page } from './picup';
import { photographs } from './samples';
import { api, fill, heart, idsOf, open, pictureOf, previewOf, scaleOf, shows, viewerOf } from './viewing';

const picup = usePicup();
let ids: string[] = [];

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await fill(page, picup.current, photographs(10));
  ids = await idsOf(page);
  await page.close();
});

const id = (index: number): string => ids[index] ?? 'no such tile';
const undo = (page: Page) => page.getByRole('button', { name: 'Undo' });
const favourites = async (page: Page) => (await api<{ id: string[] }>(page, 'GET', '/api/favourites')).id;
const trashed = async (page: Page) => (await api<{ id: string[] }>(page, 'GET', '/api/trash')).id;

test('a favourite is one by key, button and other device, and many presses end as the last said', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(0));
  await expect(heart(page)).toHaveAttribute('aria-pressed', 'false');
  await page.keyboard.press('f');
  await expect(heart(page)).toHaveAttribute('aria-pressed', 'true');
  await expect.poll(() => favourites(page)).toEqual([id(0)]);

  for (let press = 0; press < 5; press++) await page.keyboard.press('f');
  await expect(heart(page)).toHaveAttribute('aria-pressed', 'false');
  await expect.poll(() => favourites(page)).toEqual([]);

  // Pressed and gone on at once: it was about the one that was shown.
  await page.keyboard.press('f');
  await page.keyboard.press('ArrowRight');
  await shows(page, id(1));
  await expect.poll(() => favourites(page)).toEqual([id(0)]);
  await expect(heart(page)).toHaveAttribute('aria-pressed', 'false');

  await api(page, 'POST', '/api/assets/favourite', { assets: [id(1)], favourite: true });
  await expect(heart(page)).toHaveAttribute('aria-pressed', 'true');
  await heart(page).click();
  await expect(heart(page)).toHaveAttribute('aria-pressed', 'false');
  await expect.poll(() => favourites(page)).toEqual([id(0)]);

  // Among the favourites, one that is taken out stays to be looked at.
  await page.goto(`${picup.current.origin}/#/favourites/photo/${id(0)}`);
  await shows(page, id(0));
  await page.keyboard.press('f');
  await expect.poll(() => favourites(page)).toEqual([]);
  await expect(heart(page)).toHaveAttribute('aria-pressed', 'false');
  await expect(previewOf(page)).toBeVisible();
});

test('Delete takes the shown one, once, and goes on; undo leads back to it', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(2));
  // Before the first is answered.
  await Promise.all([1, 2, 3].map(() => page.keyboard.press('Delete')));
  await shows(page, id(3));
  expect(await trashed(page)).toEqual([id(2)]);
  await page.keyboard.press('ArrowLeft');
  await shows(page, id(1));
  await page.keyboard.press('ArrowRight');
  await shows(page, id(3));

  await undo(page).click();
  await shows(page, id(2));
  expect(await trashed(page)).toEqual([]);
  await page.keyboard.press('ArrowRight');
  await shows(page, id(3));
  await page.keyboard.press('ArrowLeft');
  await shows(page, id(2));
  await page.keyboard.press('Escape');
  await expect(viewerOf(page)).toBeHidden();
  await expect(page.locator(`[data-asset="${id(2)}"]`)).toBeFocused();
});

test('the last one closes; in the trash one restores and deletes for ever', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await api(page, 'POST', '/api/assets/trash', { assets: [id(8), id(9)] });
  await page.goto(`${picup.current.origin}/#/trash`);
  await expect(page.locator('[data-asset]')).toHaveCount(2);
  await page.locator(`[data-asset="${id(9)}"]`).click();
  await shows(page, id(9));
  await expect(heart(page)).toBeHidden();
  await page.keyboard.press('f');

  // The question is about this one; no is no.
  await page.keyboard.press('Delete');
  const question = page.getByRole('dialog', { name: 'Delete 1 for ever?' });
  await expect(question).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(question).toBeHidden();
  await expect(viewerOf(page)).toBeVisible();
  await page.keyboard.press('Delete');
  await expect(question).toBeVisible();
  await question.getByRole('button', { name: 'Delete for ever' }).click();
  await shows(page, id(8));
  expect(await trashed(page)).toEqual([id(8)]);

  await viewerOf(page).getByRole('button', { name: 'Restore' }).click();
  await expect(viewerOf(page)).toBeHidden();
  expect(await trashed(page)).toEqual([]);
  await expect(page.getByText('The trash is empty.')).toBeVisible();
  expect(await favourites(page)).toEqual([]);
  ids = ids.slice(0, 9);
});

test('what another device takes away says so in its place, and its neighbours stay', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(4));
  await api(page, 'POST', '/api/assets/trash', { assets: [id(4)] });
  await expect(viewerOf(page).getByText('moved to the trash on another device')).toBeVisible();
  await expect(heart(page)).toBeHidden();
  await page.keyboard.press('Delete');
  await page.keyboard.press('f');
  expect(await trashed(page)).toEqual([id(4)]);
  await page.keyboard.press('ArrowRight');
  await shows(page, id(5));
  await page.keyboard.press('ArrowLeft');
  await shows(page, id(3));
  await api(page, 'POST', '/api/assets/restore', { assets: [id(4)] });

  await page.goto(`${picup.current.origin}/#/photo/${id(4)}`);
  await shows(page, id(4));
  expect(await favourites(page)).toEqual([]);
});

test('an album gets photos, a cover, and loses them again from the viewer', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(0));
  await page.keyboard.press('l');
  const picker = page.getByRole('dialog', { name: 'Add to album' });
  await picker.getByLabel('Album name').fill('Chosen');
  await page.keyboard.press('Enter');
  await expect(page.getByText('1 added to “Chosen”')).toBeVisible();
  await page.keyboard.press('ArrowRight');
  await shows(page, id(1));
  await viewerOf(page).getByRole('button', { name: 'Add to album' }).click();
  await picker.getByRole('button', { name: /Chosen/ }).click();
  await expect(picker).toBeHidden();
  const { albums } = await api<{ albums: { id: string; count: number }[] }>(page, 'GET', '/api/albums');
  const album = albums[0]?.id ?? '';
  const album_ = async () => api<{ count: number; cover?: { asset: string } }>(page, 'GET', `/api/albums/${album}`);
  expect((await album_()).count).toBe(2);

  await page.goto(`${picup.current.origin}/#/album/${album}/photo/${id(1)}`);
  await shows(page, id(1));
  const more = viewerOf(page).getByRole('button', { name: 'More' });
  await more.click();
  await page.keyboard.press('Escape');
  await expect(viewerOf(page)).toBeVisible();
  await more.click();
  await page.getByRole('button', { name: 'Set as album cover' }).click();
  await expect.poll(async () => (await album_()).cover?.asset).toBe(id(1));
  await more.click();
  await page.getByRole('button', { name: 'Remove from album' }).click();
  await shows(page, id(0));
  await more.click();
  await page.getByRole('button', { name: 'Remove from album' }).click();
  await expect(viewerOf(page)).toBeHidden();
  expect((await album_()).count).toBe(0);
});

test('a neighbour’s preview is there before one turns to it, and each is fetched once', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  const asked: string[] = [];
  page.on('request', (request) => {
    const found = /\/([^/]+)\/view\/preview\./.exec(request.url());
    if (found?.[1]) asked.push(found[1]);
  });
  await open(page, id(0));
  const coming = (index: number) => viewerOf(page).locator(`.slide[aria-hidden=true] .preview.shown[src*="${id(index)}"]`);
  for (let index = 1; index < 6; index++) {
    // Fetched and decoded, out of sight.
    await expect(coming(index)).toHaveCount(1);
    expect(asked).toContain(id(index));
    await page.keyboard.press('ArrowRight');
    await shows(page, id(index));
  }
  expect(asked.filter((one, index) => asked.indexOf(one) !== index), 'asked for twice').toEqual([]);
});

test('a held key runs through without piling up what is not looked at', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(0));
  const asked: string[] = [];
  page.on('request', (request) => {
    if (/\/view\/preview\./.test(request.url())) asked.push(request.url());
  });
  await expect(viewerOf(page).locator('.slide[aria-hidden=true] .preview.shown')).toHaveCount(1);
  asked.length = 0;
  const last = ids.at(-1) ?? '';
  await page.keyboard.down('ArrowRight');
  // Repeated in the page, where no round trip makes a pause in which a photo would be looked at.
  await page.evaluate(async (end) => {
    const again = { key: 'ArrowRight', code: 'ArrowRight', repeat: true, bubbles: true, cancelable: true };
    while (!location.href.endsWith(end)) {
      (document.activeElement ?? document.body).dispatchEvent(new KeyboardEvent('keydown', again));
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }, last);
  await page.keyboard.up('ArrowRight');
  await shows(page, last);
  expect(asked.filter((url) => !ids.slice(-2).some((one) => url.includes(one))).length, asked.join('\n')).toBeLessThanOrEqual(2);
});

test('one looks closer by wheel, keys, double click and buttons, within bounds', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(0));
  const buttons = viewerOf(page);
  const original = page.waitForRequest((request) => /\/file\/original\./.test(request.url()));
  await page.mouse.move(720, 450);
  await page.mouse.wheel(0, -400);
  await expect.poll(() => scaleOf(page)).toBeGreaterThan(1.5);
  await original;
  await expect.poll(() => viewerOf(page).locator('.original').evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
  await page.mouse.wheel(0, 4000);
  await expect.poll(() => scaleOf(page)).toBe(1);
  await page.mouse.wheel(0, -40_000);
  await expect.poll(() => scaleOf(page)).toBe(8);

  // However far it is dragged, its edge stays at the stage's edge.
  await page.mouse.down();
  for (let step = 1; step < 12; step++) await page.mouse.move(720 - step * 60, 450);
  await page.mouse.up();
  for (let drag = 0; drag < 12; drag++) {
    await page.mouse.move(100, 450);
    await page.mouse.down();
    await page.mouse.move(1300, 450, { steps: 4 });
    await page.mouse.up();
  }
  await expect.poll(async () => Math.round((await pictureOf(page).boundingBox())?.x ?? 1)).toBe(0);
  // A fitted one is not moved by a mouse, and nothing was turned.
  await page.keyboard.press('0');
  await expect.poll(() => scaleOf(page)).toBe(1);
  await page.mouse.move(720, 450);
  await page.mouse.down();
  await page.mouse.move(100, 450, { steps: 4 });
  await page.mouse.up();
  await expect(page).toHaveURL(new RegExp(`${id(0)}$`));

  await page.mouse.dblclick(720, 450);
  await expect.poll(() => scaleOf(page)).toBe(2.5);
  await page.mouse.dblclick(720, 450);
  await expect.poll(() => scaleOf(page)).toBe(1);
  await buttons.getByRole('button', { name: 'Zoom in' }).click();
  await expect.poll(() => scaleOf(page)).toBe(1.5);
  await buttons.getByRole('button', { name: 'Fit to the screen' }).click();
  await expect.poll(() => scaleOf(page)).toBe(1);
  await page.keyboard.press('+');
  await page.keyboard.press('+');
  await expect.poll(() => scaleOf(page)).toBe(2.25);
  await page.keyboard.press('-');
  await expect.poll(() => scaleOf(page)).toBe(1.5);
  // The next one is looked at from the beginning.
  await page.keyboard.press('ArrowRight');
  await shows(page, id(1));
  await expect.poll(() => scaleOf(page)).toBe(1);
});

test('a preview that does not come is said in words, and can be asked for again', async ({ page, watch }) => {
  watch.expects(/50[03]|preview/);
  await signIn(page, picup.current);
  await allShown(page);
  await page.route(`**/${id(3)}/view/preview.*`, (route) => route.fulfill({ status: 503, body: '' }));
  await page.locator(`[data-asset="${id(3)}"]`).click();
  await expect(viewerOf(page).getByText('could not be loaded')).toBeVisible();
  await expect(viewerOf(page).locator('.slide[aria-hidden=false] .preview')).toHaveCount(0);
  await page.unrouteAll();
  await viewerOf(page).getByRole('button', { name: 'Try again' }).click();
  await shows(page, id(3));
  await expect(viewerOf(page).getByText('could not be loaded')).toBeHidden();
});

test('without a network it says so, and goes on by itself', async ({ page, context, watch }) => {
  watch.expects(/INTERNET_DISCONNECTED|Failed to load/);
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(0));
  await expect(viewerOf(page).locator('.slide[aria-hidden=true] .preview.shown')).toHaveCount(1);
  await context.setOffline(true);
  await page.keyboard.press('ArrowRight');
  // It was there already.
  await expect(previewOf(page)).toHaveAttribute('src', new RegExp(id(1)));
  await page.keyboard.press('ArrowRight');
  await expect(viewerOf(page).getByText('The server cannot be reached')).toBeVisible();
  await context.setOffline(false);
  await shows(page, id(2));
  await expect(viewerOf(page).getByText('The server cannot be reached')).toBeHidden();
});

test('the buttons rest with the mouse, but never for keys, nor beside the information', async ({ page }) => {
  await page.clock.install();
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(0));
  const bar = viewerOf(page).locator('.top');
  await page.mouse.move(700, 500);
  await page.mouse.move(710, 500);
  await page.clock.runFor(4000);
  await expect(bar).toHaveCSS('opacity', '0');
  await page.mouse.move(720, 500);
  await expect(bar).toHaveCSS('opacity', '1');
  await page.clock.runFor(4000);
  await expect(bar).toHaveCSS('opacity', '0');
  await page.keyboard.press('Tab');
  await expect(bar).toHaveCSS('opacity', '1');
  await page.clock.runFor(60_000);
  await expect(bar).toHaveCSS('opacity', '1');
  await page.keyboard.press('i');
  await page.mouse.move(700, 510);
  await page.clock.runFor(4000);
  await expect(bar).toHaveCSS('opacity', '1');
});

test('the focus stays inside, and Esc closes one thing at a time', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(1));
  const inside = () => page.evaluate(() => document.activeElement?.closest('.viewer, .notices') !== null);
  // Nothing behind it listens: neither the tile that was pressed nor the grid.
  await page.keyboard.press('x');
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await page.keyboard.press('x');
  await page.keyboard.press('ArrowRight');
  await shows(page, id(2));
  await page.keyboard.press('ArrowLeft');
  await shows(page, id(1));
  await expect(page.getByRole('toolbar', { name: 'Selection' })).toHaveCount(0);
  for (let press = 0; press < 30; press++) {
    await page.keyboard.press(press < 15 ? 'Tab' : 'Shift+Tab');
    expect(await inside(), `after ${press + 1} times Tab`).toBe(true);
  }
  const info = viewerOf(page).getByRole('complementary', { name: 'Information' });
  await page.keyboard.press('i');
  await expect(info).toBeVisible();
  await info.getByRole('button', { name: 'Close' }).click();
  await expect(viewerOf(page).getByRole('button', { name: 'Information' })).toBeFocused();
  await page.keyboard.press('i');
  await page.keyboard.press('l');
  const picker = page.getByRole('dialog', { name: 'Add to album' });
  await expect(picker).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(picker).toBeHidden();
  await expect(info).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(info).toBeHidden();
  await page.keyboard.press('Escape');
  await expect(viewerOf(page)).toBeHidden();
  await expect(page.locator(`[data-asset="${id(1)}"]`)).toBeFocused();
});

test('the whole screen is the photo’s, and is given back', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(0));
  const whole = () => page.evaluate(() => document.fullscreenElement !== null);
  await viewerOf(page).getByRole('button', { name: 'More' }).click();
  await page.getByRole('button', { name: 'Full screen' }).click();
  await expect.poll(whole).toBe(true);
  await viewerOf(page).getByRole('button', { name: 'Back' }).click();
  await expect(viewerOf(page)).toBeHidden();
  await expect.poll(whole).toBe(false);
});
