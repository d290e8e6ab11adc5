// What an administrator does for others, and that it reaches them: two browsers, one of the administrator, one of the guest.
import { statSync } from 'node:fs';
import type { Browser } from '@playwright/test';
import { accessible, choose, expect, PERSON, setUp, signIn, test, total, uploaded, usePicup, type Page } from './picup';
import { photographs } from './samples';

const picup = usePicup();

const GUEST = { name: 'grace', email: 'grace@example.org', password: 'nine brave umbrellas' };
/** Joins by a link. */
const HEDY = { name: 'Hedy', email: 'hedy@example.org', password: 'eight bright frequencies' };
/** Larger than the first quota of hers. */
const photo = photographs(12).filter((path) => statSync(path).size > 150_000).slice(0, 1);

const dialog = (page: Page) => page.getByRole('dialog');
const row = (page: Page, text: string | RegExp) => page.getByRole('main').getByRole('listitem').filter({ hasText: text });

const withdraw = (page: Page) => dialog(page).getByRole('button', { name: 'Withdraw' });

async function open(page: Page, section: string): Promise<void> {
  await page.goto(`${picup.current.origin}/#/admin/${section}`);
  await expect(page.getByRole('heading', { name: 'Administration', level: 1 })).toBeVisible();
}

async function openAccount(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: `Change ${name}`, exact: true }).click();
  await expect(dialog(page).getByRole('heading', { name, exact: true })).toBeVisible();
}

async function save(page: Page): Promise<void> {
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await expect(dialog(page)).toBeHidden();
}

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await setUp(page, picup.current);
  picup.current.createUser(GUEST.email, GUEST.password);
  await page.close();
});

/** A browser of somebody else's. */
async function elsewhere(browser: Browser): Promise<Page> {
  return await (await browser.newContext({ locale: 'en-GB' })).newPage();
}

test('an invited guest joins, once, within the quota that the invitation said', async ({ page, browser, watch }) => {
  watch.expects(/404|413/);
  await signIn(page, picup.current);
  await page.getByRole('button', { name: `Account of ${PERSON.name}` }).click();
  await page.getByRole('link', { name: 'Administration' }).click();
  await page.getByRole('link', { name: 'Invitations' }).click();
  await expect(page).toHaveURL(/#\/admin\/invitations$/);
  await expect(page.getByText('There are no open links.')).toBeVisible();
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await page.getByLabel(/^E-mail/).fill(HEDY.email);
  await page.getByLabel('Storage limit').fill('100 kB');
  await page.getByLabel('The link holds for').selectOption({ label: '1 day' });
  await accessible(page, 'an invitation to be made');
  await page.getByRole('button', { name: 'Make link' }).click();
  const link = await page.getByRole('textbox', { name: 'Invitation link' }).inputValue();
  expect(link.startsWith(`${picup.current.origin}/#/`)).toBe(true);
  await accessible(page, 'an invitation that was made');
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(row(page, HEDY.email)).toContainText(/100 kB · Ends /);

  const guest = await elsewhere(browser);
  await guest.goto(link);
  await expect(guest.getByLabel('E-mail')).toHaveValue(HEDY.email);
  await guest.getByLabel('Your name').fill(HEDY.name);
  await guest.getByLabel('Password', { exact: true }).fill(HEDY.password);
  await guest.getByRole('button', { name: 'Create account' }).click();
  await expect(guest.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();
  await page.reload();
  await expect(page.getByText('There are no open links.')).toBeVisible();
  await page.getByRole('link', { name: 'Accounts' }).click();
  await expect(row(page, HEDY.email)).toContainText('of 100 kB used');

  // Too large a photo is refused, until there is more room.
  await choose(guest, photo);
  const queue = guest.getByRole('region', { name: 'Uploads' });
  await expect(queue.getByText('1 failed')).toBeVisible();
  expect(await total(guest)).toBe(0);
  await openAccount(page, HEDY.name);
  await page.getByLabel('Storage limit').fill('50 GB');
  await save(page);
  await expect(row(page, HEDY.email)).toContainText('of 50 GB used');
  await queue.getByRole('button', { name: /^Retry/ }).first().click();
  await uploaded(guest);
  expect(await total(guest)).toBe(1);
  await page.reload();
  await expect(row(page, HEDY.email)).toContainText(/[1-9][\d.]* [kM]B of 50 GB used/);
  await accessible(page, 'accounts');
  await guest.context().close();
});

test('what is no size is not sent, and an empty field is no limit', async ({ page }) => {
  await signIn(page, picup.current);
  await open(page, 'accounts');
  await openAccount(page, GUEST.name);
  const quota = page.getByLabel('Storage limit');
  for (const wrong of ['a lot', '-5 GB', '5 GB 3', '9999999 PB']) {
    await quota.fill(wrong);
    await dialog(page).getByRole('button', { name: 'Save' }).click();
    await expect(quota, wrong).toBeFocused();
    expect(await quota.evaluate((one: HTMLInputElement) => one.validationMessage), wrong).toContain('50 GB');
    await expect(quota).toHaveValue(wrong);
  }
  for (const [typed, bytes] of [['1,5 tb', 1.5e12], ['', null]] as const) {
    await quota.fill(typed);
    await save(page);
    expect(await quotaOf(page, GUEST.email), typed).toBe(bytes);
    await openAccount(page, GUEST.name);
  }
  await expect(quota).toHaveValue('');
});

test('a link that is withdrawn makes no account', async ({ page, browser, watch }) => {
  watch.expects(/404/);
  await signIn(page, picup.current);
  await open(page, 'invitations');
  const make = async () => {
    await page.getByRole('button', { name: 'Invite somebody' }).click();
    await page.getByRole('button', { name: 'Make link' }).click();
    const link = await page.getByRole('textbox', { name: 'Invitation link' }).inputValue();
    await page.getByRole('button', { name: 'Done' }).click();
    return link;
  };
  const link = await make();
  await make();
  await expect(row(page, 'Anybody with the link')).toHaveCount(2);
  await accessible(page, 'invitations');
  // The newer one stands first or last; what counts is that its like is gone and the other one stays.
  const before = await page.request.get(`${picup.current.origin}/api/admin/invitations`);
  const { invitations } = (await before.json()) as { invitations: { created_at: string }[] };
  const oldest = invitations.map((one) => one.created_at).sort()[0];
  const at = invitations.findIndex((one) => one.created_at === oldest);
  await page.getByRole('button', { name: /^Withdraw the link/ }).nth(at).click();
  await accessible(page, 'whether a link is to be withdrawn');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(row(page, 'Anybody with the link')).toHaveCount(2);
  await page.getByRole('button', { name: /^Withdraw the link/ }).nth(at).click();
  await withdraw(page).dblclick();
  await expect(row(page, 'Anybody with the link')).toHaveCount(1);
  const guest = await elsewhere(browser);
  await guest.goto(link);
  await expect(guest.getByRole('heading', { name: 'can no longer be used' })).toBeVisible();
  await guest.context().close();

  await page.getByRole('button', { name: /^Withdraw the link/ }).focus();
  await page.keyboard.press('Enter');
  await withdraw(page).press('Enter');
  await expect(page.getByText('There are no open links.')).toBeVisible();
  await expect.poll(() => page.evaluate(() => document.activeElement?.closest('main') !== null)).toBe(true);
});

test('one who invites an administrator does not invite another by accident', async ({ page }) => {
  await signIn(page, picup.current);
  await open(page, 'invitations');
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await page.getByLabel('Role').selectOption('admin');
  await page.getByLabel('Storage limit').fill('1 TB');
  await page.getByRole('button', { name: 'Make link' }).click();
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(row(page, 'Administrator')).toHaveCount(1);
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await expect(page.getByLabel('Role')).toHaveValue('member');
  await expect(page.getByLabel('Storage limit')).toHaveValue('');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^Withdraw the link/ }).click();
  await withdraw(page).click();
  await expect(page.getByText('There are no open links.')).toBeVisible();
});

test('who is no administrator is told so, and nothing is asked of the server', async ({ page }) => {
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/api/admin')) asked.push(request.url());
  });
  await signIn(page, picup.current, GUEST.email, GUEST.password);
  await page.getByRole('button', { name: `Account of ${GUEST.name}` }).click();
  await expect(page.getByRole('link', { name: 'Settings' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Administration' })).toHaveCount(0);
  for (const section of ['accounts', 'invitations', 'system', 'nonsense']) {
    await open(page, section);
    await expect(page.getByText('Only administrators can see this page.')).toBeVisible();
  }
  await accessible(page, 'the administration of somebody else');
  expect(asked).toEqual([]);
});

test('a role is given and taken', async ({ page, browser }) => {
  await signIn(page, picup.current);
  await open(page, 'accounts');
  const guest = await elsewhere(browser);
  await signIn(guest, picup.current, GUEST.email, GUEST.password);
  for (const [role, allowed] of [['admin', 200], ['member', 403]] as const) {
    await openAccount(page, GUEST.name);
    await page.getByLabel('Role').selectOption(role);
    await save(page);
    await expect(row(page, GUEST.email).getByText('Administrator')).toHaveCount(role === 'admin' ? 1 : 0);
    expect((await guest.request.get(`${picup.current.origin}/api/admin/accounts`)).status()).toBe(allowed);
    await guest.reload();
    await guest.getByRole('button', { name: `Account of ${GUEST.name}` }).click();
    await expect(guest.getByRole('link', { name: 'Administration' })).toHaveCount(role === 'admin' ? 1 : 0);
  }
  await guest.context().close();
});

test('the last administrator stays one, and is told why', async ({ page, watch }) => {
  watch.expects(/409/);
  await signIn(page, picup.current);
  await open(page, 'accounts');
  await expect(row(page, PERSON.email)).toContainText('You');
  await openAccount(page, PERSON.name);
  await page.getByLabel('Role').selectOption('member');
  await dialog(page).getByRole('button', { name: 'Save' }).focus();
  await page.keyboard.press('Enter');
  await expect(dialog(page).getByRole('alert')).toContainText(/admin/);
  await expect(page.getByLabel('Role')).toHaveValue('member');
  await expect(dialog(page).getByRole('button', { name: 'Save' })).toBeFocused();
  await accessible(page, 'a change that was refused');
  await page.keyboard.press('Escape');
  await expect(row(page, PERSON.email)).toContainText('Administrator');
});

test('a disabled account is out, and back when it is enabled', async ({ page, browser, watch }) => {
  watch.expects(/401/);
  await signIn(page, picup.current);
  await open(page, 'accounts');
  const guest = await elsewhere(browser);
  await guest.clock.install();
  await signIn(guest, picup.current, GUEST.email, GUEST.password);
  await openAccount(page, GUEST.name);
  await page.getByLabel('Keep this account from signing in').check();
  await save(page);
  await expect(row(page, GUEST.email)).toContainText('Disabled');
  await accessible(page, 'a disabled account');
  await guest.clock.fastForward('05:00');
  await expect(guest.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await guest.locator('input[type=email]').fill(GUEST.email);
  await guest.locator('input[autocomplete=current-password]').fill(GUEST.password);
  await guest.getByRole('button', { name: 'Sign in' }).click();
  await expect(guest.getByRole('alert')).toBeVisible();

  await openAccount(page, GUEST.name);
  await page.getByLabel('Keep this account from signing in').uncheck();
  await save(page);
  await guest.getByRole('button', { name: 'Sign in' }).click();
  await expect(guest.locator('.shell')).toBeVisible();
  await guest.context().close();
});

test('a link for a new password sets it', async ({ page, browser }) => {
  picup.current.createUser('joan@example.org', GUEST.password);
  await signIn(page, picup.current);
  await open(page, 'accounts');
  await openAccount(page, 'joan');
  await page.getByRole('button', { name: 'New password link' }).click();
  const link = await page.getByRole('textbox', { name: 'A new password for joan' }).inputValue();
  await accessible(page, 'a link for a new password');
  await page.getByRole('button', { name: 'Done' }).click();
  await open(page, 'invitations');
  await expect(row(page, `New password for joan`)).toHaveCount(1);
  const guest = await elsewhere(browser);
  await guest.goto(link);
  await guest.getByLabel('Password', { exact: true }).fill('eleven calm rivers');
  await guest.getByRole('button', { name: 'Set password' }).click();
  await expect(guest.locator('.shell')).toBeVisible();
  await guest.context().clearCookies();
  await signIn(guest, picup.current, 'joan@example.org', 'eleven calm rivers');
  await guest.context().close();
});

test('the end of an account is asked for and taken back, and its owner sees it', async ({ page, browser }) => {
  await signIn(page, picup.current);
  await open(page, 'accounts');
  const guest = await elsewhere(browser);
  await signIn(guest, picup.current, GUEST.email, GUEST.password);
  await openAccount(page, GUEST.name);
  await page.getByRole('button', { name: 'Delete account' }).click();
  await expect(dialog(page)).toContainText('every photo');
  await accessible(page, 'whether to delete an account');
  await dialog(page).getByRole('button', { name: 'Delete account' }).click();
  await expect(dialog(page)).toBeHidden();
  await expect(row(page, GUEST.email)).toContainText(/To be erased on \d/);
  await guest.reload();
  await expect(guest.getByText(/This account will be erased on/)).toBeVisible();

  await openAccount(page, GUEST.name);
  await page.getByRole('button', { name: 'Keep the account' }).click();
  await expect(dialog(page)).toBeHidden();
  await expect(row(page, GUEST.email)).not.toContainText('To be erased');
  await guest.reload();
  await expect(guest.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();
  await expect(guest.getByText(/This account will be erased on/)).toBeHidden();
  await guest.context().close();
});

async function quotaOf(page: Page, email: string): Promise<number | null> {
  const answer = await page.request.get(`${picup.current.origin}/api/admin/accounts`);
  const { accounts } = (await answer.json()) as { accounts: { email: string; quota_bytes?: number | null }[] };
  return accounts.find((one) => one.email === email)?.quota_bytes ?? null;
}
