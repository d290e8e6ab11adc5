// What an account's owner sets for it: each thing is done as a person does it, and then seen to hold on the server.
import { accessible, choose, expect, PERSON, setUp, signIn, test, total, uploaded, usePicup, type Page } from './picup';
import { photographs } from './samples';

const picup = usePicup();

const NEW_PASSWORD = 'nine brave umbrellas';
const PHONE = 'Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0';

/** Opens a section by its address, as a bookmark does. */
async function open(page: Page, section: string): Promise<void> {
  await page.goto(`${picup.current.origin}/#/settings/${section}`);
  await expect(page.getByRole('navigation', { name: 'Sections' }).locator('[aria-current=page]')).toBeVisible();
}

const main = (page: Page) => page.getByRole('main');
const problem = (page: Page) => page.getByRole('alert');
const password = (page: Page) => page.getByRole('region', { name: 'Change password' });

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await setUp(page, picup.current);
  await page.close();
});

/** Signs a person in who has an account of their own, so that no test leans on another. */
async function enter(page: Page, email: string): Promise<void> {
  picup.current.createUser(email, PERSON.password);
  await signIn(page, picup.current, email);
}

test('the name changes everywhere, and the address only with the password', async ({ page, watch }) => {
  watch.expects(/401|409/);
  await enter(page, 'ida@example.org');
  await page.getByRole('button', { name: /^Account of / }).click();
  await page.getByRole('link', { name: 'Settings' }).click();
  await expect(page).toHaveURL(/#\/settings$/);
  await expect(page.getByRole('heading', { name: 'Settings', level: 1 })).toBeVisible();
  await page.getByLabel('Your name').fill('Ida Rhodes');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('button', { name: 'Account of Ida Rhodes' })).toBeVisible();

  const email = page.getByLabel('E-mail');
  const proof = page.getByRole('region', { name: 'Profile' }).getByLabel('Current password', { exact: true });
  await expect(proof).toBeHidden();
  await email.fill(PERSON.email);
  await proof.fill('not the password');
  await proof.press('Enter');
  await expect(problem(page)).toBeVisible();
  await expect(email).toHaveValue(PERSON.email);
  await expect(proof).toBeFocused();

  await proof.fill(PERSON.password);
  await proof.press('Enter');
  await expect(problem(page)).toContainText('Address in use');
  await expect(email).toHaveValue(PERSON.email);
  await accessible(page, 'a profile that was refused');

  await email.fill('ida.rhodes@example.org');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(proof).toBeHidden();
  await page.context().clearCookies();
  await signIn(page, picup.current, 'ida.rhodes@example.org');
  await page.getByRole('button', { name: 'Account of Ida Rhodes' }).click();
  await expect(page.getByText('ida.rhodes@example.org')).toBeVisible();
});

test('a new password ends the other sessions, and the old one opens nothing more', async ({ page, browser, watch }) => {
  watch.expects(/401/);
  const email = 'karen@example.org';
  await enter(page, email);
  const phone = await browser.newPage({ userAgent: PHONE });
  await signIn(phone, picup.current, email);
  await open(page, 'profile');
  const current = password(page).getByLabel('Current password', { exact: true });
  const next = password(page).getByLabel('New password', { exact: true });
  await current.fill('not the password');
  await next.fill(NEW_PASSWORD);
  await next.press('Enter');
  await expect(problem(page)).toBeVisible();
  await expect(next).toHaveValue(NEW_PASSWORD);
  await expect(next).toBeFocused();

  await current.fill(PERSON.password);
  await next.press('Enter');
  await expect(page.getByText('Password changed')).toBeVisible();
  await expect(next).toHaveValue('');
  expect(await renewed(phone)).toBe(401);
  expect(await renewed(page)).toBe(200);

  await phone.context().clearCookies();
  await phone.reload();
  await phone.locator('input[type=email]').fill(email);
  await phone.locator('input[autocomplete=current-password]').fill(PERSON.password);
  await phone.getByRole('button', { name: 'Sign in' }).click();
  await expect(problem(phone)).toBeVisible();
  await phone.locator('input[autocomplete=current-password]').fill(NEW_PASSWORD);
  await phone.getByRole('button', { name: 'Sign in' }).click();
  await expect(phone.locator('.shell')).toBeVisible();
  await phone.context().close();
});

test('the devices are named, and one that is signed out must sign in again', async ({ page, browser }) => {
  const context = await browser.newContext({ userAgent: PHONE, locale: 'en-GB' });
  const phone = await context.newPage();
  await phone.clock.install();
  await enter(page, 'radia@example.org');
  await signIn(phone, picup.current, 'radia@example.org');
  await open(page, 'devices');
  const row = (name: string) => main(page).getByRole('listitem').filter({ hasText: name });
  await expect(row('This device')).toHaveCount(1);
  await expect(row('This device')).toContainText(/on Linux/);
  await expect(row('This device').getByRole('button')).toHaveCount(0);
  await expect(row('Firefox on Android')).toContainText(/Last used .* Signed in /);
  await accessible(page, 'devices');

  const out = page.getByRole('button', { name: 'Sign out Firefox on Android' });
  await out.focus();
  await page.keyboard.press('Enter');
  await expect(row('Firefox on Android')).toHaveCount(0);
  await expect(page.getByText('Firefox on Android is signed out')).toBeVisible();
  await keepsFocus(page);

  // The phone learns of it when its access token has to be renewed.
  await phone.clock.fastForward('05:00');
  await expect(phone.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  expect(await renewed(page)).toBe(200);
  await context.close();
});

test('signing out everywhere leaves nobody signed in', async ({ page, browser }) => {
  const phone = await browser.newPage({ userAgent: PHONE });
  await enter(page, 'sophie@example.org');
  await signIn(phone, picup.current, 'sophie@example.org');
  await open(page, 'devices');
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  const question = page.getByRole('dialog');
  await accessible(page, 'whether to sign out everywhere');
  await question.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  await question.getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  expect(await renewed(phone)).toBe(401);
  expect(await renewed(page)).toBe(401);
  await phone.context().close();
});

test('language and appearance are the same ones as in the account menu, and are kept', async ({ page }) => {
  await signIn(page, picup.current);
  await open(page, 'appearance');
  await main(page).getByRole('radio', { name: 'Dark' }).check();
  await main(page).getByRole('radio', { name: '한국어' }).check();
  await expect(page.getByRole('heading', { name: '설정', level: 1 })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: '설정', level: 1 })).toBeVisible();
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark');
  await page.locator('.who').click();
  await expect(page.locator('header').getByRole('radio', { name: '어둡게' })).toBeChecked();
});

test('an account that is to go says so on every page, takes nothing in, and stays when it is kept', async ({ page, watch }) => {
  watch.expects(/401|409/);
  await enter(page, 'emmy@example.org');
  await open(page, 'profile');
  await page.getByRole('button', { name: 'Delete my account' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('every photo');
  const proof = dialog.getByLabel('Current password', { exact: true });
  await proof.fill('not the password');
  await proof.press('Enter');
  await expect(dialog.getByRole('alert')).toBeVisible();
  await expect(proof).toHaveValue('not the password');
  await accessible(page, 'the end of an account');
  await proof.fill(PERSON.password);
  await proof.press('Enter');
  await expect(dialog).toBeHidden();

  for (const place of ['', 'albums', 'trash', 'settings/keys']) {
    await page.goto(`${picup.current.origin}/#/${place}`);
    await expect(page.getByText(/This account will be erased on \d/).first(), place).toBeVisible();
  }
  await page.reload();
  await expect(page.getByText(/will be erased on/)).toBeVisible();
  await accessible(page, 'an account that is to go');
  const photo = photographs(1);
  await choose(page, photo);
  await expect(page.getByRole('region', { name: 'Uploads' }).getByText(/to be erased|deleted|erased/i).first()).toBeVisible();
  expect(await total(page)).toBe(0);

  await main(page).getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('button', { name: 'Keep the account' }).click();
  await expect(page.getByText(/will be erased on/)).toHaveCount(0);
  await page.goto(`${picup.current.origin}/#/`);
  await page.reload();
  await choose(page, photo);
  await uploaded(page);
  expect(await total(page)).toBe(1);
});

test('the last administrator cannot go, and is told why', async ({ page, watch }) => {
  watch.expects(/409/);
  await signIn(page, picup.current);
  await open(page, 'profile');
  await page.getByRole('button', { name: 'Delete my account' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Current password', { exact: true }).fill(PERSON.password);
  await dialog.getByRole('button', { name: 'Delete my account' }).click();
  await expect(dialog.getByRole('alert')).toContainText(/admin/);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('button', { name: 'Delete my account' })).toBeFocused();
  await expect(page.getByText(/will be erased on/)).toHaveCount(0);
});

/** What the server says to the renewal of a page's session. */
async function renewed(page: Page): Promise<number> {
  const answer = await page.request.post(`${picup.current.origin}/api/session/refresh`, {
    data: {},
    headers: { origin: picup.current.origin },
  });
  return answer.status();
}

/** Whoever goes by the keyboard goes on from where they were, though the button they pressed is gone. */
async function keepsFocus(page: Page): Promise<void> {
  await expect.poll(() => page.evaluate(() => document.activeElement?.closest('main') !== null)).toBe(true);
}
