// The page without its server, and with a newer one: what is kept on the device opens, says what is the matter and goes on; nobody is left
// on an old page; and nothing private is among what is kept.
import { createHash } from 'node:crypto';
import { accessible, allShown, choose, expect, PERSON, setUp, signIn, test, total, uploaded, usePicup, type Page } from './picup';
import { Front } from './front';
import { photographs } from './samples';

const picup = usePicup();
let front: Front;

test.beforeAll(async () => {
  front = await Front.open(picup.current.origin);
});
test.afterAll(() => front.away());

const AWAY = /ERR_INTERNET_DISCONNECTED|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED/;

/** Waits until the shell is kept on this device. */
async function kept(page: Page): Promise<string[]> {
  return await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    const names = await caches.keys();
    const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return requests.flat().map((one) => new URL(one.url).pathname);
  });
}

test('the files of the build are kept, and nothing else', async ({ page }) => {
  await setUp(page, picup.current);
  await choose(page, photographs(2));
  await uploaded(page);
  await allShown(page);
  await page.locator('[data-asset]').first().click();
  await expect(page.locator('.slide[aria-hidden=false] .preview.shown')).toBeVisible();
  const files = await kept(page);
  expect(files).toContain('/index.html');
  expect(files.filter((path) => !/^\/(assets\/|icons\/|index\.html$|manifest\.)/.test(path))).toEqual([]);

  // And they serve: a page that the worker controls runs on them, and still keeps no photo.
  await page.reload();
  await allShown(page);
  expect(await page.evaluate(() => navigator.serviceWorker.controller?.state)).toBe('activated');
  expect(await kept(page)).toEqual(files);

  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: `Account of ${PERSON.name}` }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  expect(await kept(page), 'after signing out').toEqual(files);
});

test('without a network the page opens, says so, and goes on', async ({ page, context, watch }) => {
  watch.expects(AWAY);
  await signIn(page, picup.current);
  await allShown(page);
  await kept(page);
  await context.setOffline(true);
  await page.reload();
  await expect(page.getByRole('heading', { name: 'PicUp cannot be reached' })).toBeVisible();
  await expect(page).toHaveTitle(/cannot be reached/);
  await accessible(page, 'the page without its server');
  await page.screenshot({ path: 'artifacts/without-its-server.png' });
  await page.getByRole('button', { name: 'Try again now' }).click();
  await expect(page.getByRole('heading', { name: 'PicUp cannot be reached' })).toBeVisible();
  await context.setOffline(false);
  await allShown(page);
});

test('the same while the server is stopped, for somebody who is not signed in', async ({ page, watch }) => {
  watch.expects(AWAY);
  await page.goto(front.origin);
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await kept(page);
  await front.away();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'PicUp cannot be reached' })).toBeVisible();
  await front.back();
  await page.getByRole('button', { name: 'Try again now' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
});

test('a newer page is offered to whoever has the old one open, and comes with the next load', async ({ page, context }) => {
  await page.goto(front.origin);
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  const before = await kept(page);
  await page.reload();
  const old = before.find((path) => /^\/assets\/index-[\w-]+\.js$/.test(path)) ?? '';

  await release(page, old);
  await page.evaluate(async () => void (await (await navigator.serviceWorker.ready).update()));
  await expect(page.getByText('A new version is here')).toBeVisible();

  // Another tab is on the new page by itself, and its files replace the old ones.
  const other = await context.newPage();
  await other.goto(front.origin);
  await expect(other.locator('script[src="/assets/index-next.js"]')).toBeAttached();
  await expect.poll(() => kept(other)).not.toContain(old);
  expect(await kept(other)).toContain('/assets/index-next.js');
  await expect(other.getByText('A new version is here')).toBeHidden();

  await page.reload();
  await expect(page.locator('script[src="/assets/index-next.js"]')).toBeAttached();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
});

test('what another app shares with the installed page is uploaded, once its person says so', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  await kept(page);
  await page.reload();
  await allShown(page);
  // As the system does it: a form with files, sent to the address that the manifest names.
  const form = await page.evaluateHandle(async () => {
    const link = document.querySelector<HTMLLinkElement>('link[rel=manifest]')?.href ?? '';
    const { share_target: target } = (await (await fetch(link)).json()) as { share_target: ShareTarget };
    const form = Object.assign(document.createElement('form'), { action: target.action, method: target.method, enctype: target.enctype });
    form.append(Object.assign(document.createElement('input'), { type: 'file', multiple: true, name: target.params.files[0]?.name }));
    document.body.append(form);
    return form;
  });
  const share = async (files: string[]) => {
    await page.locator('form input[type=file]').setInputFiles(files);
    await form.evaluate((form) => form.submit());
  };
  const [, , first = '', second = ''] = photographs(4);
  await share([first, second]);
  const question = page.getByRole('dialog', { name: '2 files were shared with PicUp' });
  await expect(question).toBeVisible();
  expect(page.url()).toBe(`${picup.current.origin}/`);
  await accessible(page, 'the question');
  await question.getByRole('button', { name: 'Upload' }).click();
  expect(await uploaded(page)).toContain('2 files uploaded');
  expect(await total(page)).toBe(4);
  expect((await kept(page)).filter((path) => !/^\/(assets\/|icons\/|index\.html$|manifest\.)/.test(path)), 'kept').toEqual([]);
});

test('on plain http at home there is no worker, and everything else is as it is', async ({ playwright, watch }, info) => {
  // A name that the browser does not hold to be this very machine: no secure context.
  const { launchOptions } = info.project.use;
  const args = [...(launchOptions?.args ?? []), '--host-resolver-rules=MAP home.test 127.0.0.1'];
  const browser = await playwright.chromium.launch({ ...launchOptions, args });
  const page = await browser.newPage({ locale: 'en-GB' });
  watch.follow(page);
  watch.expects(/Cross-Origin-Opener-Policy header has been ignored/);
  const origin = picup.current.origin.replace('127.0.0.1', 'home.test');
  await page.goto(origin);
  await page.getByLabel('E-mail').fill(PERSON.email);
  await page.getByLabel('Password', { exact: true }).fill(PERSON.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await allShown(page);
  expect(await page.evaluate(() => [isSecureContext, 'serviceWorker' in navigator])).toEqual([false, false]);
  await browser.close();
});

interface ShareTarget {
  action: string;
  method: string;
  enctype: string;
  params: { files: { name: string }[] };
}

/** Has the front answer as the next release: its page begins with another script, and its worker lists other files. */
async function release(open: Page, old: string): Promise<void> {
  const next = '/assets/index-next.js';
  const integrity = (text: string) => `sha256-${createHash('sha256').update(text).digest('base64')}`;
  const script = 'import("' + old + '");';
  const page = (await (await open.request.get(`${picup.current.origin}/`)).text()).replace(old, next);
  for (const path of ['/', '/index.html']) front.rewrite(path, () => page);
  front.rewrite(next, () => script);
  front.rewrite('/sw.js', (body) => {
    const list = /SHELL_FILES=(\[\[.*?\]\]);/.exec(body)?.[1] ?? '';
    const files = (JSON.parse(list) as [string, string][]).filter(([path]) => path !== old);
    const index = files.find(([path]) => path === '/index.html');
    if (index) index[1] = integrity(page);
    files.push([next, integrity(script)]);
    return body.replace(list, JSON.stringify(files)).replace(/SHELL_VERSION="\w+"/, 'SHELL_VERSION="next"');
  });
}
