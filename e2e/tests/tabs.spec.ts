// Several tabs of one browser, and a network that goes away.
import { allShown, choose, expect, setUp, signIn, test, total, uploaded, usePicup } from './picup';
import { photographs } from './samples';

const picup = usePicup();
const photos = photographs(9);

test('what one tab adds, the other shows, and only one listens', async ({ page, context }) => {
  await setUp(page, picup.current);
  const other = await context.newPage();
  await other.goto(picup.current.origin);
  await expect(other.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();
  let streams = 0;
  for (const one of [page, other]) {
    streams += await one.evaluate(async () => ((await navigator.locks.query()).held ?? []).filter((lock) => lock.name === 'picup-events').length);
  }
  // Each tab sees the lock of its whole origin: one is held, seen twice.
  expect(streams).toBe(2);

  await choose(page, photos.slice(0, 3));
  await uploaded(page);
  await allShown(other);
  await expect(other.locator('[data-asset]')).toHaveCount(3);

  // The one that listened goes; the other takes over.
  await page.close();
  const third = await context.newPage();
  await third.goto(picup.current.origin);
  await choose(third, photos.slice(3, 5));
  await uploaded(third);
  await expect(other.locator('[data-asset]')).toHaveCount(5);
  await allShown(other);
});

test('tabs that wake up together renew the session once', async ({ page, context }) => {
  await signIn(page, picup.current);
  const tabs = [page, await context.newPage(), await context.newPage(), await context.newPage()];
  await page.evaluate(() => localStorage.setItem('picup.session', JSON.stringify({ renewAt: 1 })));
  await page.goto('about:blank');
  let renewals = 0;
  context.on('request', (request) => {
    if (request.url().endsWith('/api/session/refresh')) renewals++;
  });
  await Promise.all(tabs.map((tab) => tab.goto(picup.current.origin)));
  for (const tab of tabs) await expect(tab.locator('.shell')).toBeVisible();
  expect(renewals).toBe(1);
  expect(await total(page)).toBe(5);
});

test('an open page renews its session before it ends', async ({ page }) => {
  await page.clock.install();
  await signIn(page, picup.current);
  await allShown(page);
  const renewal = page.waitForResponse('**/api/session/refresh');
  await page.clock.fastForward('03:50');
  await page.clock.fastForward('00:20');
  expect((await renewal).status()).toBe(200);
  expect(await total(page)).toBe(5);
});

test('a session that ended leads to sign-in and back to where one was', async ({ page, context, watch }) => {
  await signIn(page, picup.current);
  // Pictures still on their way would be refused, as they should be.
  await allShown(page);
  watch.expects(/401/);
  await context.clearCookies();
  await page.evaluate(() => (location.hash = '#/albums'));
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await page.locator('input[type=email]').fill('ada@example.org');
  await page.locator('input[autocomplete=current-password]').fill('seven quiet lighthouses');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(/#\/albums$/);
  await expect(page.getByRole('heading', { name: 'Albums' })).toBeVisible();
});

test('an upload waits out a lost network', async ({ page, context, watch }) => {
  watch.expects(/ERR_INTERNET_DISCONNECTED/);
  await signIn(page, picup.current);
  await allShown(page);
  await context.setOffline(true);
  await choose(page, photos.slice(5));
  await expect(page.getByText('Connection lost.')).toBeVisible();
  await context.setOffline(false);
  expect(await uploaded(page)).toContain('4 files uploaded');
  await expect(page.getByText('Connection lost.')).toBeHidden();
  expect(await total(page)).toBe(9);
});
