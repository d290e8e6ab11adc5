// A browser that cannot write down what is to be uploaded (its disk is full, or the person forbids it) uploads all the same, and says
// once, calmly, that a reload would lose it.
import { choose, expect, setUp, signIn, test, usePicup, uploaded } from './picup';
import { Gate, makePictures, newFolder, panelOf } from './upload';

const picup = usePicup();
const SAID = 'This browser cannot remember uploads.';

const REFUSALS: [name: string, refuse: () => void][] = [
  ['is full', () => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
    };
  }],
  ['is full, and says so late', () => {
    const { put } = IDBObjectStore.prototype;
    IDBObjectStore.prototype.put = function (...all: Parameters<typeof put>) {
      const request = put.apply(this, all);
      request.addEventListener('success', () => this.transaction.abort());
      return request;
    };
  }],
  ['is forbidden', () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('denied', 'SecurityError');
    };
  }],
];

test('a browser that remembers says nothing of it', async ({ page }) => {
  await setUp(page, picup.current);
  const gate = await Gate.shut(page);
  await choose(page, makePictures(newFolder(), 3));
  await gate.reached();
  await expect(panelOf(page)).toContainText('of 3 files');
  await expect(page.getByText(SAID)).toHaveCount(0);
  gate.open();
  expect(await uploaded(page)).toContain('3 files uploaded');
});

for (const [name, refuse] of REFUSALS) {
  test(`a memory that ${name} is said once, and the files go up`, async ({ page }) => {
    await page.addInitScript(refuse);
    await signIn(page, picup.current);
    const gate = await Gate.shut(page);
    await choose(page, makePictures(newFolder(), 30));
    await gate.reached();
    await expect(page.getByText(SAID)).toHaveCount(1);
    gate.open();
    expect(await uploaded(page)).toContain('30 files uploaded');
    await expect(page.getByText(SAID)).toHaveCount(0);
  });
}
