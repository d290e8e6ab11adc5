// API keys: shown once, good for what they say and for no more, and refused when they are revoked.
import { accessible, expect, setUp, signIn, test, usePicup, type Page } from './picup';

const picup = usePicup();

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await setUp(page, picup.current);
  await page.close();
});

async function open(page: Page): Promise<void> {
  await signIn(page, picup.current);
  await page.goto(`${picup.current.origin}/#/settings/keys`);
  await expect(page.getByRole('button', { name: 'New key' })).toBeVisible();
}

const dialog = (page: Page) => page.getByRole('dialog');

/** Makes a key that may read, and gives its token. */
async function makeKey(page: Page, name: string): Promise<string> {
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByLabel('What it is for').fill(name);
  await page.getByLabel(/^Upload:/).uncheck();
  await page.getByLabel(/^Read:/).check();
  await page.getByRole('button', { name: 'Make key' }).click();
  return await page.getByRole('textbox', { name: `Key “${name}”` }).inputValue();
}

/** What is in the clipboard, as a person finds out. */
async function pasted(page: Page): Promise<string> {
  const field = page.getByLabel('What it is for');
  await page.getByRole('button', { name: 'New key' }).click();
  await field.fill('');
  await field.press('ControlOrMeta+V');
  await expect(field).not.toHaveValue('');
  return await field.inputValue();
}

test('a key does what it may and nothing else, and nothing at all once it is revoked', async ({ page, playwright }) => {
  await open(page);
  await expect(page.getByText('There are no keys.')).toBeVisible();
  await page.getByRole('button', { name: 'New key' }).click();
  await expect(page.getByLabel('What it is for')).toBeFocused();
  await page.getByLabel('What it is for').fill('a script');
  await page.getByLabel(/^Upload:/).uncheck();
  await expect(page.getByRole('button', { name: 'Make key' })).toBeDisabled();
  await page.getByLabel(/^Read:/).check();
  await page.getByLabel('Ends').selectOption({ label: 'In 30 days' });
  await accessible(page, 'a key to be made');
  await page.getByRole('button', { name: 'Make key' }).click();
  const token = await page.getByRole('textbox', { name: 'Key “a script”' }).inputValue();
  await accessible(page, 'a new key');
  await page.getByRole('button', { name: 'Done' }).click();

  // A program of its own, which has no cookies.
  const program = await playwright.request.newContext({ extraHTTPHeaders: { authorization: `Bearer ${token}` } });
  const read = async () => (await program.get(`${picup.current.origin}/api/timeline`)).status();
  expect(await read()).toBe(200);
  expect((await program.post(`${picup.current.origin}/api/albums`, { data: { title: 'By a program' } })).status()).toBe(403);

  await page.reload();
  const row = page.getByRole('main').getByRole('listitem').filter({ hasText: 'a script' });
  await expect(row).toContainText(/Read · Last used .* · Ends /);
  expect(await page.content()).not.toContain(token);
  await accessible(page, 'keys');

  await page.getByRole('button', { name: 'Revoke a script' }).click();
  await dialog(page).getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('button', { name: 'Revoke a script' })).toBeFocused();
  expect(await read()).toBe(200);
  await page.keyboard.press('Enter');
  await dialog(page).getByRole('button', { name: 'Revoke' }).click();
  await expect(page.getByText('There are no keys.')).toBeVisible();
  expect(await read()).toBe(401);
  await program.dispose();
});

test('the copy button copies', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-write']);
  await open(page);
  const token = await makeKey(page, 'by button');
  await page.getByRole('button', { name: 'Copy', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Copied', exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Done' }).click();
  expect(await pasted(page)).toBe(token.slice(0, 100));
});

test('without the clipboard of a secure page the text is selected and copied all the same', async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined }));
  await open(page);
  const token = await makeKey(page, 'insecure');
  await page.getByRole('button', { name: 'Copy', exact: true }).click();
  const field = page.getByRole('textbox', { name: 'Key “insecure”' });
  expect(await field.evaluate((one: HTMLInputElement) => one.value.slice(one.selectionStart ?? 0, one.selectionEnd ?? 0))).toBe(token);
  await page.getByRole('button', { name: 'Done' }).click();
  expect(await pasted(page)).toBe(token.slice(0, 100));
});

test('a token is not lost by a click beside it', async ({ page }) => {
  await open(page);
  const token = await makeKey(page, 'clumsy');
  await page.mouse.click(5, 5);
  await expect(page.getByRole('textbox', { name: 'Key “clumsy”' })).toHaveValue(token);
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(dialog(page)).toBeHidden();
});

test('a key is made once, however often one clicks', async ({ page }) => {
  await open(page);
  let asked = 0;
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((done) => (goOn = done));
  await page.route('**/api/keys', async (route) => {
    if (route.request().method() === 'POST') {
      asked++;
      await held;
    }
    await route.continue();
  });
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByLabel('What it is for').fill('once');
  await page.getByLabel('What it is for').press('Enter');
  await expect(page.getByRole('button', { name: 'Make key' })).toBeDisabled();
  await page.getByLabel('What it is for').press('Enter');
  await page.getByRole('button', { name: 'Make key' }).click({ force: true });
  goOn();
  await expect(page.getByRole('textbox', { name: 'Key “once”' })).toBeVisible();
  expect(asked).toBe(1);
});

test('what was typed outlives a lost network and a refusal', async ({ page, context, watch }) => {
  watch.expects(/ERR_INTERNET_DISCONNECTED|422/);
  await open(page);
  await page.getByRole('button', { name: 'New key' }).click();
  const name = page.getByLabel('What it is for');
  await name.fill('on a train');
  await page.getByLabel(/^Edit:/).check();
  await context.setOffline(true);
  await page.getByRole('button', { name: 'Make key' }).focus();
  await page.keyboard.press('Enter');
  await expect(dialog(page).getByRole('alert')).toBeVisible();
  await expect(name).toHaveValue('on a train');
  await expect(page.getByLabel(/^Edit:/)).toBeChecked();
  await expect(page.getByRole('button', { name: 'Make key' })).toBeFocused();
  await context.setOffline(false);
  await name.fill('   ');
  await name.press('Enter');
  await expect(dialog(page).getByRole('alert')).toContainText(/name/i);
  await expect(name).toBeFocused();
  await name.fill('on a train');
  await name.press('Enter');
  await expect(page.getByRole('textbox', { name: 'Key “on a train”' })).toBeVisible();
});
