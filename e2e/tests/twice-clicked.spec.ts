// A hand that presses twice, as hands do: what cannot be taken back is done once.
import { allShown, choose, expect, setUp, signIn, test, uploaded, usePicup, type Page } from './picup';
import { photographs } from './samples';

const DAN = { email: 'dan@example.org', password: 'ten warm winters' };
const picup = usePicup();

/** The requests that match, as they are made. */
function watch(page: Page, pattern: RegExp): string[] {
  const seen: string[] = [];
  page.on('request', (request) => {
    const line = `${request.method()} ${new URL(request.url()).pathname}`;
    if (pattern.test(line)) seen.push(line);
  });
  return seen;
}

test('delete for ever, and empty the trash', async ({ page }) => {
  await setUp(page, picup.current);
  await choose(page, photographs(6));
  await uploaded(page);
  await allShown(page);
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await expect(page.locator('[data-asset]')).toHaveCount(0);
  // So small, and without the panel of uploads, that there are photos behind the questions.
  await page.setViewportSize({ width: 800, height: 600 });
  await page.goto(`${picup.current.origin}/#/trash`);
  await page.reload();
  await expect(page.locator('[data-asset]')).toHaveCount(6);
  const seen = watch(page, /POST \/api\/assets\/delete|DELETE \/api\/trash/);

  await page.locator('[data-asset]').first().focus();
  await page.keyboard.press('x');
  await page.keyboard.press('Delete');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete for ever' }).dblclick();
  await expect(page.locator('[data-asset]')).toHaveCount(5);
  await expect(page.getByRole('dialog')).toHaveCount(0);
  // What the second click may ask for comes when the question is answered. The page asks by itself too when it hears of the
  // deletion, which may be now: then it is the first click's question that would wait for its own answer, but for the three seconds.
  const answered = page.waitForRequest((request) => request.method() === 'DELETE');
  let asked = 0;
  await page.route('**/api/trash/summary', async (route) => {
    if (++asked === 2) await Promise.race([answered, page.waitForTimeout(3_000)]);
    await route.continue();
  });
  await page.getByRole('button', { name: 'Empty the trash' }).dblclick();
  await page.getByRole('dialog').getByRole('button', { name: 'Empty the trash' }).dblclick();
  await expect(page.locator('[data-asset]')).toHaveCount(0);
  await expect(page.getByRole('dialog')).toHaveCount(0);
  expect(seen).toEqual(['POST /api/assets/delete', 'DELETE /api/trash']);
});

test('the end of the account: what opens a question does not close it again', async ({ page }) => {
  picup.current.createUser(DAN.email, DAN.password);
  await signIn(page, picup.current, DAN.email, DAN.password);
  const seen = watch(page, /\/api\/account\/deletion/);
  await page.goto(`${picup.current.origin}/#/settings`);
  await page.getByRole('button', { name: 'Delete my account' }).dblclick();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Current password').fill(DAN.password);
  await dialog.getByRole('button', { name: 'Delete my account' }).dblclick();
  await expect(dialog).toHaveCount(0);
  expect(seen).toEqual(['POST /api/account/deletion']);
});
