// Hundreds of photos are looked at one after another: the page stays as small as it was after the first.
import { size } from './frames';
import { allShown, choose, expect, setUp, test, usePicup } from './picup';
import { photographs } from './samples';
import { viewerOf } from './viewing';

const PHOTOS = 20;
const MOST_GROWTH = 4e6;
const MOST_NODES = 500;

test.describe.configure({ timeout: 240_000 });
test.use({ trace: 'off' });
const picup = usePicup();

test('the viewer takes no more for the five hundredth photo than for the first', { tag: '@slow' }, async ({ page }) => {
  const session = await page.context().newCDPSession(page);
  await setUp(page, picup.current);
  await choose(page, photographs(PHOTOS));
  await expect(page.locator('[data-asset]')).toHaveCount(PHOTOS);
  await allShown(page);
  await page.locator('[data-asset]').first().click();
  const shown = viewerOf(page).locator('.slide[aria-hidden=false] .preview.shown');
  await expect(shown).toBeVisible();

  /** To the last photo and back. */
  const walk = async () => {
    for (const key of ['ArrowRight', 'ArrowLeft']) {
      for (let photo = 1; photo < PHOTOS; photo++) {
        const address = page.url();
        await page.keyboard.press(key);
        await page.waitForFunction((before) => location.href !== before, address);
      }
      await expect(shown).toBeVisible();
    }
  };
  for (let times = 0; times < 3; times++) await walk();
  const before = await size(session);
  for (let times = 0; times < 10; times++) await walk();
  const after = await size(session);
  console.log(JSON.stringify({ before, after }));
  expect(after.heap - before.heap).toBeLessThan(MOST_GROWTH);
  expect(after.nodes - before.nodes).toBeLessThan(MOST_NODES);
});
