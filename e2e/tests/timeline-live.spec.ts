// Two browsers at once: what one looks at stays where it is while another adds photos above it.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveThumbnails, startWithLibrary } from './library';
import { allShown, choose, expect, signIn, test, uploaded, usePicup } from './picup';
import { makeVideo } from './samples';

const picup = usePicup(() => startWithLibrary(3_000));

test('a photo that arrives above moves nothing below', async ({ page, browser, watch }) => {
  await serveThumbnails(page, picup.current);
  await signIn(page, picup.current);
  await allShown(page);
  await page.keyboard.press('g');
  await page.getByLabel('Day, month or year').fill('May 2012');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeHidden();
  await allShown(page);
  const looked = page.locator('[data-asset]:focus');
  await expect(looked).toBeVisible();
  const id = await looked.getAttribute('data-asset');
  const before = await looked.boundingBox();
  const slider = page.getByRole('slider', { name: 'Go to a date' });
  const months = Number(await slider.getAttribute('aria-valuemax'));

  const other = await browser.newContext();
  const second = await other.newPage();
  watch.follow(second);
  await serveThumbnails(second, picup.current);
  await signIn(second, picup.current);
  // Its file says no time but its own: it is of today, in a month that had nothing.
  await choose(second, [makeVideo(mkdtempSync(join(tmpdir(), 'picup-e2e-files-')))]);
  await uploaded(second);
  await expect(second.getByRole('link', { name: /^Video, .*0:04/ }).first()).toBeVisible({ timeout: 60_000 });

  await expect(slider).toHaveAttribute('aria-valuemax', String(months + 1));
  await expect(looked).toHaveAttribute('data-asset', id ?? '');
  const after = await looked.boundingBox();
  expect(Math.abs((after?.y ?? 0) - (before?.y ?? 0))).toBeLessThan(1.5);
  await page.keyboard.press('Home');
  await expect(page.locator('[data-asset]:focus')).toHaveAttribute('aria-label', /^Video, .*0:04/);
  await other.close();
});
