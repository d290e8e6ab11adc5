// The network goes away while photos are looked at: those that are loaded are shown, the others say why, and come when it is back.
import { expect, test, usePicup } from './picup';
import { photographs } from './samples';
import { fill, idsOf, open, previewOf, viewerOf } from './viewing';

const picup = usePicup();

test('the viewer without a network', async ({ page, context, watch }) => {
  watch.expects(/ERR_INTERNET_DISCONNECTED/);
  await fill(page, picup.current, photographs(7));
  const ids = await idsOf(page);
  await open(page, ids[0] ?? '');
  // Its neighbour is preloaded.
  await expect(viewerOf(page).locator(`.preview[src*="${ids[1]}"]`)).toHaveJSProperty('complete', true);
  await context.setOffline(true);
  await page.keyboard.press('ArrowRight');
  await expect(previewOf(page)).toHaveAttribute('src', new RegExp(ids[1] ?? ''));
  for (let step = 2; step < 6; step++) await page.keyboard.press('ArrowRight');
  await expect(page).toHaveURL(new RegExp(`${ids[5]}$`));
  await expect(page.getByText('Connection lost.')).toBeVisible();
  await context.setOffline(false);
  await expect(page.getByText('Connection lost.')).toBeHidden();
  await expect(previewOf(page)).toHaveAttribute('src', new RegExp(ids[5] ?? ''));
});
