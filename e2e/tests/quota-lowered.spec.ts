// A limit that is set below what is kept already: the bar is full and no fuller, and an upload is refused once, in clear words.
import { choose, expect, PERSON, setUp, test, uploaded, usePicup } from './picup';
import { makeLarge, makePictures, newFolder, panelOf } from './upload';

const picup = usePicup();

test('less than what is kept', async ({ page, watch }) => {
  watch.expects(/413|422|409|api\/uploads/);
  await setUp(page, picup.current);
  await choose(page, [makeLarge(newFolder(), 'film.mov', 3 << 20)]);
  await uploaded(page);
  picup.current.setQuota(PERSON.email, '1MB');
  await page.reload();
  const meter = page.getByRole('meter');
  await expect(meter).toHaveAttribute('aria-valuenow', '100');
  await expect(page.getByText('3.1 MB of 1 MB used')).toBeVisible();
  const box = await meter.boundingBox();
  const used = await meter.locator('.used').boundingBox();
  expect(used?.width).toBeLessThanOrEqual(box?.width ?? 0);

  await choose(page, makePictures(newFolder(), 30));
  const panel = panelOf(page);
  await expect(panel).toContainText('30 failed');
  await expect(panel.getByText('do not fit')).toHaveCount(1);
  await expect(panel).toContainText('you have 0 bytes left');
});
