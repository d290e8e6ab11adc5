// A family's first evening: the printed link, a folder of photos, an invitation, a partner on a phone in another language, and a
// power cut between. What each of them adds is there for them alone.
import type { Browser } from '@playwright/test';
import { allShown, choose, drop, expect, PERSON, setUp, signIn, test, total, uploaded, usePicup, type Page } from './picup';
import { photographs, sha256 } from './samples';

const picup = usePicup();
const photos = photographs(9);
const hers = photos.slice(0, 6);
/** Both have the first one. */
const theirs = [photos[0] ?? '', ...photos.slice(6)];
const PARTNER = { name: '혜진', email: 'hyejin@example.org', password: '조용한 등대 일곱 개' };

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: 'ko-KR' };

/** Makes an invitation as an admin does, and gives its link. */
async function invite(page: Page): Promise<string> {
  await page.getByRole('button', { name: `Account of ${PERSON.name}` }).click();
  await page.getByRole('link', { name: 'Administration' }).click();
  await page.getByRole('link', { name: 'Invitations' }).click();
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await page.getByLabel('Storage limit').fill('2 GB');
  await page.getByRole('button', { name: 'Make link' }).click();
  const link = await page.getByRole('textbox', { name: 'Invitation link' }).inputValue();
  await page.getByRole('button', { name: 'Done' }).click();
  return link;
}

async function join(browser: Browser, link: string): Promise<Page> {
  const page = await (await browser.newContext(PHONE)).newPage();
  await page.goto(link);
  await expect(page.getByRole('heading', { name: '초대를 받으셨습니다' })).toBeVisible();
  await page.getByLabel('이름').fill(PARTNER.name);
  await page.getByLabel('이메일').fill(PARTNER.email);
  await page.getByLabel('비밀번호', { exact: true }).fill(PARTNER.password);
  await page.getByRole('button', { name: '계정 만들기' }).click();
  await expect(page.getByRole('heading', { name: '여기에 사진이 모입니다' })).toBeVisible();
  return page;
}

/** What the server says of each asset of the account. */
async function hashes(page: Page): Promise<string[]> {
  const get = async <T>(path: string) => (await (await page.request.get(new URL(path, page.url()).href)).json()) as T;
  const ids = await page.locator('[data-asset]').evaluateAll((all) => all.map((one) => one.getAttribute('data-asset')));
  const assets = ids.map((id) => get<{ sha256: string }>(`/api/assets/${id}`));
  return (await Promise.all(assets)).map((asset) => asset.sha256).sort();
}

const known = (files: string[]) => files.map((file) => sha256(file)).sort();

test('from the printed link to a family that keeps its photos', async ({ page, browser, watch }) => {
  // Refusals to look at what another has; and the server that is gone for a while.
  watch.expects(/403|404|503|ERR_(CONNECTION|EMPTY_RESPONSE|INCOMPLETE_CHUNKED|CONTENT_LENGTH|SOCKET)/);
  await setUp(page, picup.current);
  await drop(page, hers);
  await expect(page.locator('[data-asset]')).toHaveCount(hers.length);
  await allShown(page);
  expect(await hashes(page)).toEqual(known(hers));
  const first = (await page.locator('[data-asset]').first().getAttribute('data-asset')) ?? '';
  const picture = (await page.locator('.tile img').first().getAttribute('src')) ?? '';

  const phone = await join(browser, await invite(page));
  await choose(phone, theirs);
  await expect(phone.locator('[data-asset]')).toHaveCount(theirs.length);
  await allShown(phone);
  expect(await hashes(phone), 'a photo that both have is kept for both').toEqual(known(theirs));

  // Nothing of the one is there for the other, whatever is guessed.
  expect((await phone.request.get(new URL(picture, picup.current.origin).href)).status()).toBe(403);
  expect((await phone.request.get(`${picup.current.origin}/api/assets/${first}`)).status()).toBe(404);
  await phone.goto(`${picup.current.origin}/#/photo/${first}`);
  await expect(phone.getByText(/없습니다/).first()).toBeVisible();
  await phone.goto(`${picup.current.origin}/#/`);

  // A heart on the phone is seen by the same person's desk.
  const desk = await (await browser.newContext({ locale: 'ko-KR' })).newPage();
  await signIn(desk, picup.current, PARTNER.email, PARTNER.password);
  await allShown(desk);
  await phone.locator('[data-asset]').first().tap();
  await phone.getByRole('dialog').getByRole('button', { name: '즐겨찾기', exact: true }).tap();
  await expect(desk.locator('[data-asset][aria-label*="즐겨찾기"]')).toHaveCount(1);

  // The admin sees how much is used, and nothing more.
  await page.goto(`${picup.current.origin}/#/admin/accounts`);
  const account = page.getByRole('main').getByRole('listitem').filter({ hasText: PARTNER.name });
  await expect(account).toContainText(/[1-9][\d.]* [kM]B of 2 GB used/);

  await picup.current.kill();
  await picup.current.startAgain();
  for (const [one, files] of [[page, hers], [phone, theirs], [desk, theirs]] as const) {
    await one.goto(`${picup.current.origin}/#/`);
    await one.reload();
    await expect(one.locator('[data-asset]')).toHaveCount(files.length);
    await allShown(one);
    expect(await total(one), 'nobody has to sign in again').toBe(files.length);
    expect(await hashes(one)).toEqual(known(files));
  }
});

test('u opens the choice of files, wherever one is', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  for (const where of ['Photos', 'Albums', 'Trash']) {
    await page.getByRole('link', { name: where, exact: true }).first().click();
    const chooser = page.waitForEvent('filechooser');
    await page.keyboard.press('u');
    const opened = await chooser;
    expect(opened.isMultiple(), where).toBe(true);
    // The browser opens no second one before this is closed.
    await opened.setFiles([]);
  }
  const chooser = page.waitForEvent('filechooser');
  await page.keyboard.press('u');
  await (await chooser).setFiles(photos.slice(6, 7));
  expect(await uploaded(page)).toContain('1 file uploaded');
});
