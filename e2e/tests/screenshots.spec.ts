// The pictures of the README. An ordinary run makes them of the sample photographs and leaves the tree as it was;
// `npm run screenshots` makes the real ones in docs/images.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allShown, choose, expect, setUp, still, test, uploaded, usePicup } from './picup';
import { photographs } from './samples';
import { showcase } from './showcase';

const picup = usePicup();
const real = process.env['PICUP_SCREENSHOTS'] === '1';
const folder = join(import.meta.dirname, real ? '../../docs/images' : '../artifacts');

test.use({ timezoneId: 'UTC' });

test('timeline, viewer and system', async ({ page }) => {
  mkdirSync(folder, { recursive: true });
  await setUp(page, picup.current);
  await choose(page, real ? showcase(mkdtempSync(join(tmpdir(), 'picup-showcase-'))) : photographs(20));
  await uploaded(page);
  await page.reload();
  await allShown(page);
  await page.mouse.move(0, 899);
  await still(page);
  await page.screenshot({ path: join(folder, 'timeline.png') });

  await page.locator('[data-asset]').first().click();
  await expect(page.locator('.slide[aria-hidden=false] .preview.shown')).toBeVisible();
  await page.keyboard.press('i');
  await expect(page.getByRole('complementary', { name: 'Information' })).toBeVisible();
  await page.mouse.move(1400, 880);
  await still(page);
  await page.screenshot({ path: join(folder, 'viewer.png') });

  await page.goto(`${picup.current.origin}/#/admin/system`);
  await expect(page.locator('main section').first()).toBeVisible();
  await page.mouse.move(1400, 880);
  await still(page);
  await page.screenshot({ path: join(folder, 'system.png') });
});
