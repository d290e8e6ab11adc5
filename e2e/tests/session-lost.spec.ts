// A session that is ended elsewhere, by a changed password, an admin or from another device, in the middle of uploads: the person is
// told, nothing is asked again and again, and the uploads go on when the same person signs in. Nobody else sees any of it.
import { choose, enter, expect, PERSON, signIn, test, total, usePicup } from './picup';
import { createUser, Picup } from './server';
import { Gate, makePictures, newFolder, panelOf, remembered } from './upload';

const DAN = { email: 'dan@example.org', password: 'ten warm winters' };

const picup = usePicup(() =>
  Picup.start((data) => {
    createUser(data, PERSON.email, PERSON.password, '--admin');
    createUser(data, DAN.email, DAN.password);
  }),
);

test('uploads wait for the person to sign in again, and go on', async ({ page, watch }) => {
  watch.expects(/401/);
  await signIn(page, picup.current, DAN.email, DAN.password);
  const gate = await Gate.shut(page);
  await choose(page, makePictures(newFolder(), 300));
  await gate.reached(2);
  const asked: string[] = [];
  page.on('response', (response) => {
    if (response.status() === 401) asked.push(response.url());
  });
  picup.current.setDisabled(DAN.email, true);
  gate.open();
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await expect(page.getByText('Your session has ended.')).toBeVisible();
  await expect(page.getByText('Your uploads wait for that.')).toBeVisible();
  expect(asked.length, asked.join('\n')).toBeLessThan(12);

  picup.current.setDisabled(DAN.email, false);
  await enter(page, DAN.email, DAN.password);
  await expect(panelOf(page)).toContainText('300 files uploaded', { timeout: 60_000 });
  await expect(panelOf(page)).not.toContainText('failed');
  expect(await total(page)).toBe(300);
});

test('somebody else who signs in then gets nothing of it, and sees nothing', async ({ page, watch }) => {
  watch.expects(/401|404/);
  await signIn(page, picup.current, DAN.email, DAN.password);
  const gate = await Gate.shut(page);
  // So many that they cannot all be done before the page learns that its session is over.
  await choose(page, makePictures(newFolder(), 300, 'private'));
  await gate.reached(2);
  await page.getByRole('link', { name: 'Trash' }).first().click();
  picup.current.setDisabled(DAN.email, true);
  gate.open();
  await expect(page.getByText('Your uploads wait for that.')).toBeVisible();
  await enter(page, PERSON.email, PERSON.password);
  await expect(page.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();
  await expect(panelOf(page)).toBeHidden();
  await expect.poll(() => remembered(page)).toEqual([]);
  expect(await total(page)).toBe(0);
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();
  await expect(panelOf(page)).toBeHidden();
  await expect(page.getByText('private')).toHaveCount(0);
});
