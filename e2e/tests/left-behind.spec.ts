// One browser, two people: what the first one was told, was asked, or had dropped when leaving is not there for the next.
import { choose, enter, expect, PERSON, signIn, test, total, uploaded, usePicup, allShown, type Page } from './picup';
import { photographs } from './samples';
import { createUser, Picup } from './server';
import { dropPaths, makePictures, newFolder, panelOf } from './upload';

const DAN = { email: 'dan@example.org', password: 'ten warm winters' };
const picup = usePicup(() =>
  Picup.start((data) => {
    createUser(data, PERSON.email, PERSON.password, '--admin', '--name', PERSON.name);
    createUser(data, DAN.email, DAN.password);
  }),
);

/** Signs out in another tab, and in as Dan in this one, which is not loaded anew. */
async function danTakesOver(page: Page): Promise<void> {
  const other = await page.context().newPage();
  await other.goto(picup.current.origin);
  await other.locator('.who').click();
  await other.getByRole('button', { name: 'Sign out' }).click();
  await expect(other.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await other.close();
  await enter(page, DAN.email, DAN.password);
}

test('what was said, and could be taken back', async ({ page, watch }) => {
  watch.expects(/401/);
  await signIn(page, picup.current);
  await choose(page, photographs(3));
  await uploaded(page);
  await allShown(page);
  await page.locator('[data-asset]').first().focus();
  await page.keyboard.press('x');
  await page.keyboard.press('Delete');
  await expect(page.getByRole('button', { name: 'Undo' })).toBeVisible();
  await danTakesOver(page);
  // Not waited for: it would go by itself.
  expect(await page.getByRole('button', { name: 'Undo' }).count()).toBe(0);
});

test('a folder that was still being read', async ({ page, watch }) => {
  watch.expects(/401/);
  await page.addInitScript(() => {
    const { webkitGetAsEntry } = DataTransferItem.prototype;
    const read = new Promise<void>((resolve) => Reflect.set(globalThis, 'read', resolve));
    DataTransferItem.prototype.webkitGetAsEntry = function () {
      const entry = webkitGetAsEntry.call(this) as FileSystemDirectoryEntry;
      const reader = entry.createReader();
      const readEntries = reader.readEntries.bind(reader);
      reader.readEntries = (...all) => void read.then(() => readEntries(...all));
      entry.createReader = () => reader;
      return entry;
    };
  });
  await signIn(page, picup.current);
  await allShown(page);
  const folder = newFolder();
  makePictures(folder, 3, 'hers');
  await dropPaths(page, [folder]);
  await danTakesOver(page);
  await page.evaluate(() => (Reflect.get(globalThis, 'read') as () => void)());
  await choose(page, makePictures(newFolder(), 1, 'his'));
  await expect(panelOf(page)).toContainText('1 file uploaded');
  await expect(page.getByText('hers')).toHaveCount(0);
  expect(await total(page)).toBe(1);
  await page.getByRole('button', { name: /Account of/ }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
});

test('what another app had shared', async ({ page, watch }) => {
  watch.expects(/401/);
  await signIn(page, picup.current);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload();
  await allShown(page);
  await page.evaluate(() => {
    const form = Object.assign(document.createElement('form'), { action: '/share', method: 'post', enctype: 'multipart/form-data' });
    form.append(Object.assign(document.createElement('input'), { type: 'file', name: 'files' }));
    document.body.append(form);
  });
  await page.locator('form input[type=file]').setInputFiles(makePictures(newFolder(), 1, 'hers'));
  await page.evaluate(() => [...document.forms].at(-1)?.submit());
  await expect(page.getByRole('dialog')).toContainText('hers-1.png');
  await danTakesOver(page);
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.getByText('hers')).toHaveCount(0);
});
