// The timeline under a finger: scrolling, selecting by a long press and a drag, and the scrubber's handle.
import { serveThumbnails, startWithLibrary } from './library';
import { allShown, expect, signIn, test, usePicup, type Page } from './picup';

const picup = usePicup(() => startWithLibrary(3_000));
test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

test.beforeEach(async ({ page }) => {
  await serveThumbnails(page, picup.current);
  await signIn(page, picup.current);
  await allShown(page);
});

const selected = (page: Page) => page.locator('.bar strong');
const scrolled = (page: Page) => page.locator('.scroller').evaluate((view) => view.scrollTop);

/** A finger on the glass. */
async function finger(page: Page) {
  const session = await page.context().newCDPSession(page);
  const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', points: { x: number; y: number }[]) =>
    session.send('Input.dispatchTouchEvent', { type, touchPoints: points });
  const middle = async (index: number) => {
    const box = await page.locator('.tile').nth(index).boundingBox();
    if (!box) throw new Error(`no tile ${index}`);
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  return {
    middle,
    down: async (at: { x: number; y: number }) => send('touchStart', [at]),
    move: async (at: { x: number; y: number }) => send('touchMove', [at]),
    up: async () => send('touchEnd', []),
  };
}

test('a long press selects, a drag takes all on the way, back and forth', async ({ page }) => {
  const { down, move, up, middle } = await finger(page);
  await down(await middle(1));
  await expect(selected(page)).toHaveText('1 selected');
  await move(await middle(5));
  await expect(selected(page)).toHaveText('5 selected');
  await move(await middle(3));
  await expect(selected(page)).toHaveText('3 selected');
  expect(await scrolled(page)).toBe(0);
  await up();
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(selected(page)).toHaveText('3 selected');

  // From here on a tap selects.
  await page.locator('.tile').nth(6).tap();
  await expect(selected(page)).toHaveText('4 selected');
  await page.locator('.tile').nth(6).tap();
  await expect(selected(page)).toHaveText('3 selected');
});

test('a drag held at the lower edge scrolls on and selects on', async ({ page }) => {
  const { down, move, up, middle } = await finger(page);
  await down(await middle(0));
  await expect(selected(page)).toHaveText('1 selected');
  const view = await page.locator('.scroller').boundingBox();
  if (!view) throw new Error('no view');
  await move({ x: 200, y: view.y + view.height - 20 });
  await expect.poll(() => scrolled(page)).toBeGreaterThan(1_500);
  await expect.poll(async () => Number.parseInt(await selected(page).innerText(), 10)).toBeGreaterThan(40);
  await up();
});

test('a finger that moves at once scrolls, and the handle goes through the years', async ({ page }) => {
  const { down, move, up } = await finger(page);
  // At once: a pause between would be a long press.
  await Promise.all([down({ x: 200, y: 650 }), move({ x: 200, y: 625 })]);
  for (let step = 2; step <= 20; step++) await move({ x: 200, y: 650 - step * 25 });
  await up();
  await expect.poll(() => scrolled(page)).toBeGreaterThan(400);
  await expect(page.locator('.tile.selected')).toHaveCount(0);

  const slider = page.getByRole('slider', { name: 'Go to a date' });
  const handle = async () => {
    const box = await page.locator('.scrubber .mark').boundingBox();
    if (!box) throw new Error('no handle');
    return { x: box.x + box.width - 8, y: box.y + box.height / 2 };
  };
  const from = await handle();
  await down(from);
  for (let step = 1; step <= 20; step++) await move({ x: from.x, y: from.y + step * 15 });
  await expect(page.locator('.scrubber')).toHaveClass(/dragging/);
  await expect.poll(async () => Number((await slider.getAttribute('aria-valuetext'))?.slice(-4))).toBeLessThan(2024);
  await up();
  await allShown(page);
  const month = (await slider.getAttribute('aria-valuetext')) ?? '';
  await expect(page.locator('.bubble')).toHaveText(month);
  expect(Number(month.slice(-4))).toBeLessThan(2024);
});

test('a finger goes to a date by a button of its own', async ({ page }) => {
  const button = page.getByRole('button', { name: 'Go to date' });
  const size = await button.boundingBox();
  expect(Math.min(size?.width ?? 0, size?.height ?? 0)).toBeGreaterThanOrEqual(44);
  await button.tap();
  const dialog = page.getByRole('dialog', { name: 'Go to date' });
  await dialog.getByRole('textbox').fill('1900');
  await dialog.getByRole('button', { name: 'Go', exact: true }).tap();
  await expect(dialog).toBeHidden();
  await expect.poll(() => scrolled(page)).toBeGreaterThan(1_000);
  // Only where there are dates.
  await page.getByRole('link', { name: 'Albums' }).tap();
  await expect(button).toBeHidden();
});
