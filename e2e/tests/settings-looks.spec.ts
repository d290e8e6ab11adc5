// Settings and administration in both languages, light and dark, from a desk to the smallest phone: nothing is cut off, and
// nothing stands in the way of people who see, hear or move differently.
import { accessible, choose, expect, picture, setUp, signIn, still, test, uploaded, usePicup, type Page } from './picup';
import { photographs } from './samples';

const picup = usePicup();

const GUEST = { email: 'a.guest.with.a.rather.long.address@a-rather-long-name.example.org', password: 'nine brave umbrellas' };

const VARIETIES = [
  { name: 'desk, English, light', viewport: { width: 1440, height: 900 }, locale: 'en-GB', colorScheme: 'light' },
  { name: 'desk, Korean, dark', viewport: { width: 1440, height: 900 }, locale: 'ko-KR', colorScheme: 'dark', tag: '@slow' },
  { name: 'phone, English, dark', viewport: { width: 390, height: 844 }, locale: 'en-GB', colorScheme: 'dark', tag: '@slow' },
  { name: 'small phone, Korean, light', viewport: { width: 320, height: 640 }, locale: 'ko-KR', colorScheme: 'light', tag: '@slow' },
  { name: 'small phone, Korean, dark', viewport: { width: 320, height: 640 }, locale: 'ko-KR', colorScheme: 'dark', tag: '@slow' },
] as const;

/** What sticks out of the screen, or of its own box, unseen. */
async function cutOff(page: Page): Promise<string[]> {
  return await page.evaluate(() => {
    const found: string[] = [];
    const wide = document.documentElement;
    if (wide.scrollWidth > wide.clientWidth) found.push(`the page: ${wide.scrollWidth} of ${wide.clientWidth}`);
    for (const one of document.querySelectorAll('main *, dialog *')) {
      const { right, left, width } = one.getBoundingClientRect();
      const scrolls = one.closest('nav') !== null;
      if (width > 0 && !scrolls && (right > wide.clientWidth + 1 || left < -1)) found.push(one.outerHTML.slice(0, 120));
    }
    for (const button of document.querySelectorAll('main button, main a, dialog button')) {
      if (button.scrollWidth > button.clientWidth + 1) found.push(`its words: ${button.outerHTML.slice(0, 120)}`);
    }
    return found;
  });
}

/** Two buttons of a question that read the same leave it to chance. */
async function alike(page: Page): Promise<string[]> {
  const names = await page.locator('dialog button').allInnerTexts();
  return names.filter((name, at) => name !== '' && names.indexOf(name) !== at);
}

async function good(page: Page, what: string): Promise<void> {
  await still(page);
  expect.soft(await cutOff(page), `${what} is whole`).toEqual([]);
  expect.soft(await alike(page), `${what}: buttons that read the same`).toEqual([]);
  await accessible(page, what);
  await picture(page, what);
}

/** Opens a section, and waits for what it lists. */
async function open(page: Page, place: string): Promise<void> {
  await page.goto(`${picup.current.origin}/#/${place}`);
  await expect(page.locator('main nav [aria-current=page]')).toHaveAttribute('href', `#/${place}`);
  await expect(page.locator('main nav [aria-current=page]')).toBeInViewport({ ratio: 0.99 });
  if (/devices|links|keys|admin/.test(place)) await expect(page.locator('main li')).not.toHaveCount(0);
}

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage({ locale: 'en-GB' });
  await setUp(page, picup.current);
  await choose(page, photographs(3));
  await uploaded(page);
  picup.current.createUser(GUEST.email, GUEST.password);
  const made = await page.evaluate(async () => {
    const post = (path: string, body: unknown) =>
      fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    const { accounts } = await (await fetch('/api/admin/accounts')).json();
    const { id } = accounts.find((one: { role: string }) => one.role === 'member');
    const ends = new Date(Date.now() + 3e9).toISOString();
    const album = await (await post('/api/albums', { title: 'A long summer by the sea, with all the cousins and both the dogs' })).json();
    const answers = [
      await post('/api/share-links', { album: album.id, password: 'green bottle', download: true }),
      await post('/api/share-links', { album: album.id, expires_at: null }),
      await post('/api/keys', { name: 'The uploader of the phone in the kitchen, third shelf', scopes: ['upload', 'read', 'edit'], expires_at: ends }),
      await post('/api/keys', { name: 'script', scopes: ['read'] }),
      await post('/api/admin/invitations', { email: `x${accounts[0].email}`, role: 'admin', quota_bytes: 5e11, days: 30 }),
      await post('/api/admin/invitations', {}),
      await post(`/api/admin/accounts/${id}/deletion`, {}),
      await fetch(`/api/admin/accounts/${id}`, {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ disabled: true, quota_bytes: 5e10 }),
      }),
    ];
    return answers.map((answer) => answer.ok);
  });
  expect(made).toEqual([true, true, true, true, true, true, true, true]);
  await page.close();
});

for (const variety of VARIETIES) {
  const { name, tag, ...use } = { tag: [], ...variety };
  test.describe(name, { tag }, () => {
    test.use({ ...use, contextOptions: { reducedMotion: 'reduce' } });

    test(`settings: ${name}`, async ({ page }) => {
      await signIn(page, picup.current);
      for (const section of ['profile', 'devices', 'links', 'keys', 'appearance']) {
        await open(page, `settings/${section}`);
        await good(page, `settings ${section}, ${name}`);
      }
      await open(page, 'settings/links');
      await page.locator('main li').first().getByRole('button').nth(1).click();
      await good(page, `settings a link to be changed, ${name}`);
      await page.keyboard.press('Escape');
      await page.locator('main li').first().getByRole('button').last().click();
      await good(page, `settings a link to be revoked, ${name}`);
      await page.keyboard.press('Escape');
      await open(page, 'settings/keys');
      await page.locator('main section > div > button').click();
      await page.locator('dialog input').first().fill('script');
      await good(page, `settings a key to be made, ${name}`);
      await page.locator('dialog button.primary').click();
      await expect(page.locator('dialog input[readonly]')).toBeVisible();
      await good(page, `settings a key, ${name}`);
      await page.locator('dialog .answers button').click();
      await page.locator('main li button').last().click();
      await good(page, `settings a key to be revoked, ${name}`);
      await page.keyboard.press('Escape');

      await open(page, 'settings/profile');
      await page.locator('.who').click();
      await good(page, `settings and the account menu, ${name}`);
      await page.keyboard.press('Escape');
      await page.locator('main button.danger').click();
      await good(page, `settings the end, ${name}`);
    });

    test(`administration: ${name}`, async ({ page }) => {
      await signIn(page, picup.current);
      for (const section of ['accounts', 'invitations']) {
        await open(page, `admin/${section}`);
        await good(page, `admin ${section}, ${name}`);
      }
      await page.locator('main section > div > button').click();
      await good(page, `admin an invitation to be made, ${name}`);
      await page.keyboard.press('Escape');
      await open(page, 'admin/accounts');
      await page.locator('main li').filter({ hasText: GUEST.email }).getByRole('button').click();
      await good(page, `admin an account, ${name}`);
      await page.locator('dialog form').first().locator('button:not(.primary)').click();
      await expect(page.locator('dialog')).toBeHidden();
    });
  });
}
