// One browser, two tabs, and an account that changes under one of them: nothing of the one before is shown or done any more.
import { choose, expect, makeAccount, setUp, signIn, test, uploaded, usePicup } from './picup';
import { photographs } from './samples';
import { Gate, makePictures, newFolder, remembered } from './upload';

const picup = usePicup();

test('a tab whose browser is somebody else’s by now shows nothing of the one before, and sends nothing to the next', async ({ page, context }) => {
  await setUp(page, picup.current);
  await choose(page, photographs(3));
  await uploaded(page);
  await expect(page.locator('[data-asset]').first()).toBeVisible();

  const other = await context.newPage();
  await other.goto(new URL(picup.current.user('invite'), picup.current.origin).href);
  await makeAccount(other, { name: 'Dan', email: 'dan@example.org', password: 'ten warm winters' });
  await expect(other.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();

  await expect(page.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();
  await expect(page.locator('[data-asset]')).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Account of Dan' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Uploads' })).toBeHidden();
});

test('signing out in one tab ends and forgets the uploads of the other', async ({ page, context, watch }) => {
  // By then nobody is signed in who could give the room back: the server reaps it.
  watch.expects(/401/);
  await signIn(page, picup.current);
  const gate = await Gate.shut(page);
  await choose(page, makePictures(newFolder(), 3, 'private'));
  await gate.reached();
  await expect.poll(async () => (await remembered(page)).length).toBe(3);

  const other = await context.newPage();
  await other.goto(picup.current.origin);
  await other.locator('.who').click();
  await other.getByRole('button', { name: 'Sign out' }).click();
  await expect(other.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await expect.poll(() => remembered(page)).toEqual([]);
});

test('signing out works where the browser has closed its memory of uploads', async ({ page, watch }) => {
  // The timeline may just be asking for what came in.
  watch.expects(/401/);
  await page.addInitScript(() => {
    IDBDatabase.prototype.transaction = () => {
      throw new DOMException('The database connection is closing.', 'InvalidStateError');
    };
  });
  await signIn(page, picup.current);
  await choose(page, makePictures(newFolder(), 2, 'kept'));
  await uploaded(page);
  await page.locator('.who').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  const answer = await page.request.get(`${picup.current.origin}/api/account`);
  expect(answer.status()).toBe(401);
});
