// Every page in both languages, light and dark, on a desk and on a phone: nothing complains, nothing is cut off, and
// nothing stands in the way of people who see, hear or move differently.
import { allShown, choose, expect, PERSON, picture, setUp, signIn, spotless, test, uploaded, usePicup, type Page } from './picup';
import { photographs } from './samples';

const picup = usePicup();

const VARIETIES = [
  { name: 'desk, English, light', viewport: { width: 1440, height: 900 }, locale: 'en-GB', colorScheme: 'light' },
  { name: 'desk, Korean, dark', viewport: { width: 1024, height: 768 }, locale: 'ko-KR', colorScheme: 'dark', tag: '@slow' },
  { name: 'desk, English, dark', viewport: { width: 1440, height: 900 }, locale: 'en-GB', colorScheme: 'dark', tag: '@slow' },
  { name: 'phone, Korean, light', viewport: { width: 390, height: 844 }, locale: 'ko-KR', colorScheme: 'light', tag: '@slow' },
  { name: 'phone, Korean, dark', viewport: { width: 390, height: 844 }, locale: 'ko-KR', colorScheme: 'dark' },
  { name: 'small phone, English, light', viewport: { width: 320, height: 640 }, locale: 'en-GB', colorScheme: 'light', tag: '@slow' },
] as const;

async function good(page: Page, what: string): Promise<void> {
  await spotless(page, what);
  await picture(page, what);
}

test('the doors', { tag: '@sets-up' }, async ({ page }) => {
  await page.goto(picup.current.origin);
  await expect(page.getByRole('heading')).toBeVisible();
  await good(page, 'a new picup');
  await page.goto(picup.current.setupLink);
  await expect(page.getByLabel('Your name')).toBeVisible();
  await good(page, 'set-up');
  await setUp(page, picup.current);
  await good(page, 'an empty timeline');
  await choose(page, photographs(12));
  await uploaded(page);
  await allShown(page);
  await good(page, 'uploads done');
});

for (const [index, variety] of VARIETIES.entries()) {
  const { name, tag, ...use } = { tag: [], ...variety };
  test.describe(name, { tag }, () => {
    test.use({ ...use, contextOptions: { reducedMotion: 'reduce' } });

    test(`every page: ${name}`, async ({ page }) => {
      // All pages one after the other, each held against all rules.
      test.setTimeout(240_000);
      await page.goto(picup.current.origin);
      await expect(page.locator('form')).toBeVisible();
      await good(page, `sign-in, ${name}`);
      await page.goto(new URL(picup.current.user('invite'), picup.current.origin).href);
      await expect(page.locator('input[autocomplete=new-password]')).toBeVisible();
      await good(page, `invitation, ${name}`);
      await signIn(page, picup.current);
      await allShown(page);
      await good(page, `timeline, ${name}`);

      await page.locator('[data-asset]').first().focus();
      await page.keyboard.press('x');
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('x');
      await good(page, `selection, ${name}`);
      await page.keyboard.press('l');
      await expect(page.locator('dialog')).toBeVisible();
      await page.locator('dialog input').fill(`Album ${name}`);
      await good(page, `album picker, ${name}`);
      await page.keyboard.press('Enter');
      await expect(page.locator('dialog')).toBeHidden();

      await page.locator('.who').click();
      await good(page, `menu, ${name}`);
      await page.keyboard.press('Escape');

      await page.locator('[data-asset]').first().click();
      await expect(page.locator('.slide[aria-hidden=false] .preview.shown')).toBeVisible();
      await good(page, `viewer, ${name}`);
      await page.keyboard.press('i');
      await expect(page.locator('aside')).toBeVisible();
      await good(page, `information, ${name}`);
      await page.keyboard.press('?');
      await expect(page.locator('dialog')).toBeVisible();
      await good(page, `keys, ${name}`);
      await page.keyboard.press('Escape');
      await page.goto(`${picup.current.origin}/#/albums`);
      await expect(page.locator('main li').first()).toBeVisible();
      await good(page, `albums, ${name}`);
      await page.locator('main li a').first().click();
      await expect(page.locator('.tile img.loaded').first()).toBeVisible();
      await good(page, `album, ${name}`);
      await page.locator('.actions button').nth(1).click();
      await expect(page.locator('[data-cell] img').first()).toBeVisible();
      await good(page, `album being put into order, ${name}`);
      await page.keyboard.press('Escape');

      await page.goto(`${picup.current.origin}/#/`);
      await allShown(page);
      // Another one each time: the same would be no favourite any more.
      await page.locator('[data-asset]').nth(index).focus();
      await page.keyboard.press('f');
      await page.locator('[data-asset]').last().focus();
      await page.keyboard.press('Delete');
      await good(page, `notices, ${name}`);
      await page.goto(`${picup.current.origin}/#/favourites`);
      await expect(page.locator('.tile img.loaded').first()).toBeVisible();
      await good(page, `favourites, ${name}`);
      await page.goto(`${picup.current.origin}/#/trash`);
      await expect(page.locator('.tile img.loaded').first()).toBeVisible();
      await good(page, `trash, ${name}`);
      await page.locator('main header button').click();
      await expect(page.locator('dialog')).toBeVisible();
      await good(page, `emptying the trash, ${name}`);
      await page.keyboard.press('Escape');
      await page.locator('.who').click();
      await page.locator('.panel .usage button').click();
      await expect(page.locator('dialog')).toBeVisible();
      await good(page, `what takes room, ${name}`);
      await page.keyboard.press('Escape');

      await page.goto(`${picup.current.origin}/#/search/kind%3Aphoto`);
      await expect(page.locator('.tile img.loaded').first()).toBeVisible();
      await good(page, `search, ${name}`);
      for (const place of ['settings/profile', 'settings/devices', 'settings/links', 'settings/keys', 'settings/appearance', 'admin/accounts', 'admin/invitations', 'admin/system']) {
        await page.goto(`${picup.current.origin}/#/${place}`);
        await expect(page.locator('main section').first()).toBeVisible();
        await good(page, `${place}, ${name}`);
      }
    });

    test(`what is shared: ${name}`, async ({ page }) => {
      await signIn(page, picup.current);
      await page.goto(`${picup.current.origin}/#/albums`);
      await page.locator('main li a').first().click();
      // The last but two, however many photos it has by now.
      await page.locator('.actions button').nth(-3).click();
      await expect(page.locator('dialog li').first()).toBeVisible();
      await good(page, `an album to be shared, ${name}`);
      await page.locator('dialog section').last().getByRole('button').first().click();
      const form = page.locator('dialog').last();
      await form.getByRole('checkbox').last().check();
      await good(page, `a link to be made, ${name}`);
      await form.getByRole('checkbox').last().uncheck();
      await form.locator('button.primary').click();
      const link = await page.locator('dialog input[readonly]:not(.hidden)').inputValue();
      await good(page, `a share link, ${name}`);
      await page.locator('dialog').last().locator('.answers button').click();
      await expect(page.locator('dialog')).toHaveCount(1);
      await good(page, `an album that is shared, ${name}`);
      await page.goto(link);
      await expect(page.locator('.tile img.loaded').first()).toBeVisible();
      await good(page, `a shared album, ${name}`);
      await page.locator('[data-asset]').first().click();
      await expect(page.locator('.slide[aria-hidden=false] .preview.shown')).toBeVisible();
      await good(page, `a shared photo, ${name}`);
    });
  });
}

test('language and appearance are chosen by hand and kept', async ({ page }) => {
  await signIn(page, picup.current);
  await page.getByRole('button', { name: `Account of ${PERSON.name}` }).click();
  await page.getByRole('radio', { name: '한국어' }).check();
  await expect(page.getByRole('link', { name: '앨범', exact: true })).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('lang', 'ko');
  await page.getByRole('radio', { name: '어둡게' }).check();
  await expect.poll(() => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark');
  await page.reload();
  await expect(page.getByRole('link', { name: '앨범', exact: true })).toBeVisible();
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark');
});
