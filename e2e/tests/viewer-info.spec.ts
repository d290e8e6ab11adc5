// The information beside a photo: what is known, what its owner may say better, and that all of it is for everybody.
import { allShown, expect, signIn, test, usePicup, type Page, spotless } from './picup';
import { photographs, sha256 } from './samples';
import { api, fill, idsOf, open, shows, viewerOf } from './viewing';

const picup = usePicup();
const photos = photographs(4);
let ids: string[] = [];
const id = (index: number): string => ids[index] ?? 'no such tile';

interface Told {
  captured: { local: string; offset_minutes?: number; source: string };
  description?: string;
  sha256: string;
}
const told = (page: Page, asset: string) => api<Told>(page, 'GET', `/api/assets/${asset}`);
const info = (page: Page) => viewerOf(page).getByRole('complementary', { name: 'Information' });

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage({ locale: 'en-GB' });
  await fill(page, picup.current, photos);
  ids = await idsOf(page);
  await page.close();
});

test('a description is kept when its field is left, by leaving the photo too, and goes with Esc', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(0));
  await page.keyboard.press('i');
  const field = info(page).getByLabel('Description');
  await field.fill('On the pier 🌊\n<b>not bold</b>');
  await info(page).getByRole('heading').click();
  await expect.poll(async () => (await told(page, id(0))).description).toBe('On the pier 🌊\n<b>not bold</b>');

  await field.fill('Half a word');
  await viewerOf(page).getByRole('button', { name: 'Next' }).click();
  await shows(page, id(1));
  await expect(field).toHaveValue('');
  await expect.poll(async () => (await told(page, id(0))).description).toBe('Half a word');
  expect((await told(page, id(1))).description).toBeUndefined();

  await field.fill('Never mind');
  await field.press('Escape');
  await expect(field).toHaveValue('');
  await expect(viewerOf(page)).toBeVisible();

  // What another device writes shows, but not over what is being written.
  await api(page, 'PATCH', `/api/assets/${id(1)}`, { description: 'From the phone' });
  await expect(field).toHaveValue('From the phone');
  await field.fill('From the desk');
  await api(page, 'PATCH', `/api/assets/${id(1)}`, { favourite: true });
  await expect(viewerOf(page).getByRole('button', { name: 'Favourite' })).toHaveAttribute('aria-pressed', 'true');
  await expect(field).toHaveValue('From the desk');
  await field.fill('');
  await info(page).getByRole('heading').click();
  await expect.poll(async () => (await told(page, id(1))).description).toBeUndefined();
});

test('a time is said better, with its zone', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(2));
  await page.keyboard.press('i');
  await info(page).getByRole('button', { name: 'Change date and time' }).click();
  const when = info(page).getByLabel('Date and time', { exact: true });
  await when.fill('1999-12-31T23:59:00');
  await info(page).getByLabel('Time zone there').selectOption({ label: 'UTC+5:45' });
  await page.keyboard.press('Escape');
  await expect(when).toBeHidden();
  await expect(info(page)).toBeVisible();
  expect((await told(page, id(2))).captured.source).not.toBe('edited');

  await info(page).getByRole('button', { name: 'Change date and time' }).click();
  await when.fill('1999-12-31T23:59:00');
  await info(page).getByLabel('Time zone there').selectOption({ label: 'UTC+5:45' });
  await info(page).getByRole('button', { name: 'Save' }).click();
  await expect(info(page)).toContainText('31 December 1999');
  await expect(info(page)).toContainText('23:59:00 (UTC+5:45)');
  await expect(info(page).getByRole('button', { name: 'Change date and time' })).toBeFocused();
  expect((await told(page, id(2))).captured).toMatchObject({ local: '1999-12-31T23:59:00', offset_minutes: 345, source: 'edited' });
});

test('where it is kept is told truly, and its hash can be copied', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await signIn(page, picup.current);
  await allShown(page);
  await open(page, id(0));
  await page.keyboard.press('i');
  await expect(info(page).getByText('Stored in 1 place, verified')).toBeVisible();
  const hash = (await told(page, id(0))).sha256;
  expect(photos.map(sha256)).toContain(hash);
  await info(page).getByRole('button', { name: 'Copy the SHA-256' }).click();
  await expect(page.getByText('Copied')).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(hash);

  // As over plain HTTP, where there is no clipboard for pages.
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await page.evaluate(() => document.addEventListener('copy', () => (document.title = getSelection()?.toString() ?? '')));
  await info(page).getByRole('button', { name: 'Copy the SHA-256' }).click();
  await expect(page).toHaveTitle(hash);
});

test('a place leads to what is near, and to no map of strangers', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  const place = { latitude: 37.5665, longitude: 126.978 };
  await page.route(`**/api/assets/${id(0)}`, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ json: { ...((await answer.json()) as object), place } });
  });
  await open(page, id(0));
  await page.keyboard.press('i');
  await expect(info(page)).toContainText('37.56650° N, 126.97800° E');
  await expect(info(page).getByRole('link', { name: 'Photos near here' })).toHaveAttribute('href', '#/search/near%3A37.5665%2C126.978%20within%3A1km');
});

const VARIETIES = [
  { name: 'desk, English', viewport: { width: 1440, height: 900 }, locale: 'en-GB', colorScheme: 'light' },
  { name: 'wall, Korean', viewport: { width: 3840, height: 2160 }, locale: 'ko-KR', colorScheme: 'dark', tag: '@slow' },
  { name: 'phone, Korean', viewport: { width: 390, height: 844 }, locale: 'ko-KR', colorScheme: 'dark' },
  { name: 'small phone, English', viewport: { width: 320, height: 640 }, locale: 'en-GB', colorScheme: 'light', tag: '@slow' },
] as const;

for (const variety of VARIETIES) {
  const { name, tag, ...use } = { tag: [], ...variety };
  test.describe(name, { tag }, () => {
    test.use({ ...use, contextOptions: { reducedMotion: 'reduce' } });

    test(`nothing stands in anybody’s way: ${name}`, async ({ page, watch }) => {
      watch.expects(/404.*0000-7000/);
      const shot = (what: string) => page.screenshot({ path: `artifacts/viewer-${what}-${name.replaceAll(/[^a-z]+/gi, '-')}.png` });
      await signIn(page, picup.current);
      await allShown(page);
      await page.goto(`${picup.current.origin}/#/photo/${id(0)}`);
      await expect(page.locator('.slide[aria-hidden=false] .preview.shown')).toBeVisible();
      await spotless(page, `viewer, ${name}`);
      await shot('photo');
      await page.keyboard.press('i');
      await expect(page.locator('aside')).toBeVisible();
      await spotless(page, `information, ${name}`);
      await shot('information');
      await page.locator('aside dl button').first().click();
      await expect(page.locator('#taken-at')).toBeFocused();
      await spotless(page, `time, ${name}`);
      await shot('time');
      await page.goto(`${picup.current.origin}/#/photo/00000000-0000-7000-8000-000000000000`);
      await expect(page.locator('.gone')).toBeVisible();
      await spotless(page, `nothing, ${name}`);
      await shot('nothing');
    });
  });
}
