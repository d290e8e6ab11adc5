// The viewer under fingers: swipe, pinch, tap and press, as a phone has them.
import { allShown, expect, signIn, test, usePicup } from './picup';
import { photographs } from './samples';
import { fill, fingersOf, idsOf, pictureOf, scaleOf, shows, viewerOf } from './viewing';

const picup = usePicup();
let ids: string[] = [];
const id = (index: number): string => ids[index] ?? 'no such tile';

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await fill(page, picup.current, photographs(4));
  ids = await idsOf(page);
  await page.close();
});

test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

test('a swipe turns, and one that is taken back does not', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await page.locator(`[data-asset="${id(0)}"]`).tap();
  await shows(page, id(0));
  const { drag, touch } = await fingersOf(page);
  await drag([{ x: 330, y: 420 }], [{ x: 60, y: 430 }]);
  await shows(page, id(1));
  await drag([{ x: 60, y: 420 }], [{ x: 330, y: 430 }]);
  await shows(page, id(0));
  // The first has nothing before it.
  await drag([{ x: 60, y: 420 }], [{ x: 330, y: 430 }]);
  await shows(page, id(0));
  await touch('touchStart', [{ x: 330, y: 420 }]);
  for (const x of [250, 150, 80, 200, 300, 328]) await touch('touchMove', [{ x, y: 420 }]);
  await touch('touchEnd', []);
  await shows(page, id(0));
  await expect.poll(async () => Math.round((await pictureOf(page).boundingBox())?.x ?? -1)).toBeGreaterThanOrEqual(0);

  // What is pressed while it glides is about the one that comes.
  await drag([{ x: 330, y: 420 }], [{ x: 60, y: 430 }]);
  await page.keyboard.press('f');
  await shows(page, id(1));
  await expect(viewerOf(page).getByRole('button', { name: 'Favourite' })).toHaveAttribute('aria-pressed', 'true');
});

test('a pinch looks closer, one finger moves it, and it turns no page', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await page.locator(`[data-asset="${id(0)}"]`).tap();
  await shows(page, id(0));
  const { drag, tapTwice } = await fingersOf(page);
  await drag(
    [{ x: 170, y: 400 }, { x: 220, y: 440 }],
    [{ x: 70, y: 320 }, { x: 320, y: 520 }],
  );
  await expect.poll(() => scaleOf(page)).toBeGreaterThan(3);
  const before = (await pictureOf(page).boundingBox())?.x ?? 0;
  await drag([{ x: 250, y: 420 }], [{ x: 150, y: 420 }]);
  await expect.poll(async () => Math.round(((await pictureOf(page).boundingBox())?.x ?? 0) - before)).toBe(-100);
  await expect(page).toHaveURL(new RegExp(`${id(0)}$`));
  await drag(
    [{ x: 20, y: 300 }, { x: 370, y: 560 }],
    [{ x: 180, y: 420 }, { x: 210, y: 440 }],
  );
  await expect.poll(() => scaleOf(page)).toBe(1);
  await tapTwice(195, 420);
  await expect.poll(() => scaleOf(page)).toBe(2.5);
  await tapTwice(195, 420);
  await expect.poll(() => scaleOf(page)).toBe(1);
});

test('a tap hides the buttons and brings them back', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await page.locator(`[data-asset="${id(0)}"]`).tap();
  await shows(page, id(0));
  const bar = viewerOf(page).locator('.top');
  await page.touchscreen.tap(195, 420);
  await expect(bar).toHaveCSS('opacity', '0');
  await page.touchscreen.tap(195, 420);
  await expect(bar).toHaveCSS('opacity', '1');
});

test('pulled down it closes, pulled up it tells, and the sheet scrolls and closes by itself', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await page.locator(`[data-asset="${id(0)}"]`).tap();
  await shows(page, id(0));
  const { drag } = await fingersOf(page);
  const sheet = page.locator('aside');
  await drag([{ x: 195, y: 500 }], [{ x: 195, y: 300 }]);
  await expect(sheet).toBeVisible();
  await sheet.evaluate((element) => Promise.all(element.getAnimations().map((animation) => animation.finished)));
  await drag([{ x: 195, y: 780 }], [{ x: 195, y: 420 }]);
  await expect.poll(() => sheet.evaluate((element) => element.scrollTop)).toBeGreaterThan(50);
  // Back down, it scrolls first; neither the sheet nor the viewer closes by that.
  await drag([{ x: 195, y: 500 }], [{ x: 195, y: 560 }]);
  await expect(sheet).toBeVisible();
  await sheet.evaluate((element) => element.scrollTo(0, 0));
  await drag([{ x: 195, y: 330 }], [{ x: 195, y: 560 }]);
  await expect(sheet).toBeHidden();
  await expect(viewerOf(page)).toBeVisible();
  await drag([{ x: 195, y: 300 }], [{ x: 200, y: 640 }]);
  await expect(viewerOf(page)).toBeHidden();
  await expect(page.locator(`[data-asset="${id(0)}"]`)).toBeFocused();
});
