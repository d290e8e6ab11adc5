// Links that somebody sends: an invitation, and one for a lost password.
import { accessible, expect, guessesUsedUp, makeAccount, PERSON, setUp, test, usePicup, type Page } from './picup';

const picup = usePicup();

/** Opens a link in a browser of its own, as somebody who was sent it does. */
async function openLink(page: Page, link: string): Promise<void> {
  await page.goto(new URL(link, picup.current.origin).href);
}

let forgotten = '';

test.beforeAll(async ({ browser }) => {
  const admin = await browser.newPage();
  await setUp(admin, picup.current);
  forgotten = await passwordLink(admin, PERSON.email);
  await admin.close();
});

test('an invitation makes an account, once, and leaves no token behind', async ({ page, watch }) => {
  const link = picup.current.user('invite', '--quota', '1GB');
  await openLink(page, link);
  await expect(page.getByRole('heading', { name: 'You are invited' })).toBeVisible();
  expect(page.url()).toBe(`${picup.current.origin}/#/invitation`);
  await accessible(page, 'the invitation');
  await makeAccount(page, { name: 'Grace', email: 'grace@example.org', password: 'nine brave umbrellas' });
  await expect(page.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();
  await expect(page.getByText(/used/)).toContainText('GB');

  watch.expects(/404/);
  await page.goto('about:blank');
  await openLink(page, link);
  await expect(page.getByRole('heading', { name: 'can no longer be used' })).toBeVisible();
  await accessible(page, 'a used invitation');
});

test('an address that has an account is told, and the link stays good', async ({ page, watch }) => {
  watch.expects(/409/);
  await openLink(page, picup.current.user('invite'));
  await page.getByLabel('Your name').fill('Grace');
  await page.getByLabel('E-mail').fill(PERSON.email);
  await page.getByLabel('Password', { exact: true }).fill('nine brave umbrellas');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.getByLabel('E-mail').fill('grace.again@example.org');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();
});

test('an invitation for one address keeps it, and a short password is not sent', async ({ page }) => {
  const link = picup.current.user('invite', 'bob@example.org');
  await openLink(page, link);
  await expect(page.getByLabel('E-mail')).toHaveValue('bob@example.org');
  await expect(page.getByLabel('E-mail')).not.toBeEditable();
  await page.getByLabel('Your name').fill('Bob');
  const password = page.getByLabel('Password', { exact: true });
  // Typed, since only what a person types is measured by the browser.
  await password.pressSequentially('too short');
  await page.getByRole('button', { name: 'Create account' }).click();
  expect(await password.evaluate((field: HTMLInputElement) => field.validity.tooShort)).toBe(true);
  await expect(password).toBeFocused();
  await password.fill('ten warm winters');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();
  expect(page.url()).toBe(`${picup.current.origin}/#/`);
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state]));
  expect(kept).not.toContain(link.split('/').at(-1));
});

test('a link that is opened again in the same tab is hidden again', async ({ page }) => {
  const link = picup.current.user('invite');
  for (const time of ['first', 'second']) {
    await openLink(page, link);
    await expect(page.getByRole('heading', { name: 'You are invited' }), time).toBeVisible();
    await expect(page, time).toHaveURL(`${picup.current.origin}/#/invitation`);
  }
});

test('whoever is signed in is named, and leaves in order', async ({ page, context, watch }) => {
  watch.expects(/401/);
  await openLink(page, picup.current.user('invite'));
  await makeAccount(page, { name: 'First', email: 'first@example.org', password: 'nine brave umbrellas' });
  await expect(page.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();
  const cookies = await context.cookies();
  const other = await context.newPage();
  await other.goto(picup.current.origin);
  await expect(other.getByRole('button', { name: 'Account of First' })).toBeVisible();

  await openLink(page, picup.current.user('invite'));
  await expect(page.getByText('You are signed in as First.')).toBeVisible();
  await makeAccount(page, { name: 'Second', email: 'second@example.org', password: 'ten warm winters' });
  await expect(page.getByRole('button', { name: 'Account of Second' })).toBeVisible();
  await expect(other.getByRole('button', { name: 'Account of Second' })).toBeVisible();

  // The first one's session is over on the server too.
  const stranger = await context.browser()?.newContext();
  await stranger?.addCookies(cookies);
  const renewed = await stranger?.request.post(`${picup.current.origin}/api/session/refresh`, { data: {}, headers: { Origin: picup.current.origin } });
  expect(renewed?.status()).toBe(401);
  await stranger?.close();
});

test('a link for a lost password sets a new one for its account, once', async ({ page, watch }) => {
  await openLink(page, forgotten);
  await expect(page.getByRole('heading', { name: 'Choose a new password' })).toBeVisible();
  await expect(page).toHaveURL(`${picup.current.origin}/#/invitation`);
  await accessible(page, 'the link for a lost password');
  await expect(page.getByLabel('E-mail')).toHaveValue(PERSON.email);
  await page.getByLabel('Password', { exact: true }).fill('eleven calm rivers');
  await page.getByRole('button', { name: 'Set password' }).click();
  await expect(page.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();

  watch.expects(/404/);
  await openLink(page, forgotten);
  await expect(page.getByRole('heading', { name: 'can no longer be used' })).toBeVisible();
});

test('who tries too many links is told to wait', async ({ page, watch }) => {
  watch.expects(/404|429/);
  const look = () => page.request.post(`${picup.current.origin}/api/invitations/look`, { data: { token: 'a guess' } });
  // A guess comes back every few seconds: they are used up right before the page asks, with time left until the next.
  await page.route('**/api/invitations/look', async (route) => {
    await guessesUsedUp(look);
    await route.continue();
  });
  await openLink(page, picup.current.user('invite'));
  await expect(page.getByRole('alert')).toContainText('Too many tries');
});

/** As an admin makes it for somebody. */
async function passwordLink(admin: Page, email: string): Promise<string> {
  return await admin.evaluate(async (wanted) => {
    const { accounts } = await (await fetch('/api/admin/accounts')).json();
    const { id } = accounts.find((account: { email: string }) => account.email === wanted);
    return (await (await fetch(`/api/admin/accounts/${id}/password-link`, { method: 'POST' })).json()).link;
  }, email);
}
