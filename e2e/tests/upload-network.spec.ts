// The network goes away, the server is killed and started again, or it is busy: uploads wait and go on by themselves.
import { choose, expect, setUp, signIn, test, total, usePicup } from './picup';
import { Gate, makeLarge, makePictures, newFolder, panelOf, watchParts } from './upload';

const picup = usePicup();

test('uploads wait out a network that goes away in the middle', async ({ page, context, watch }) => {
  watch.expects(/ERR_INTERNET_DISCONNECTED/);
  await setUp(page, picup.current);
  const folder = newFolder();
  const gate = await Gate.shut(page, 2);
  await choose(page, [makeLarge(folder), ...makePictures(folder, 5)]);
  await gate.reached();
  await context.setOffline(true);
  gate.open();
  await expect(page.getByText('Connection lost.')).toBeVisible();
  await expect(panelOf(page)).not.toContainText('failed');
  await context.setOffline(false);
  await expect(panelOf(page)).toContainText('6 files uploaded', { timeout: 60_000 });
  await expect(page.getByText('Connection lost.')).toBeHidden();
  expect(await total(page)).toBe(6);
});

test('uploads go on when the server was killed and is started again', async ({ page, watch }) => {
  watch.expects(/ERR_(CONNECTION|EMPTY_RESPONSE|INCOMPLETE_CHUNKED|CONTENT_LENGTH|SOCKET)/);
  await signIn(page, picup.current);
  const folder = newFolder();
  const parts = watchParts(page);
  const gate = await Gate.shut(page, 2);
  await choose(page, [...makePictures(folder, 30, 'before'), makeLarge(folder)]);
  await gate.reached();
  await expect.poll(() => parts.filter((part) => /\/[23]$/.test(part)).length).toBeGreaterThan(0);
  await picup.current.kill();
  gate.open();
  await expect(page.getByText('Connection lost.')).toBeVisible();
  await choose(page, makePictures(folder, 3, 'meanwhile'));

  await picup.current.startAgain();
  await expect(panelOf(page)).toContainText('34 files uploaded', { timeout: 60_000 });
  await expect(panelOf(page)).not.toContainText('failed');
  await expect(page.getByText('Connection lost.')).toBeHidden();
  expect(await total(page)).toBe(40);
});

test('many small files survive a server that is killed between them', { tag: '@slow' }, async ({ page, watch }) => {
  watch.expects(/ERR_(CONNECTION|EMPTY_RESPONSE|INCOMPLETE_CHUNKED|CONTENT_LENGTH|SOCKET)/);
  await signIn(page, picup.current);
  const parts = watchParts(page);
  await choose(page, makePictures(newFolder(), 400, 'many'));
  await expect.poll(() => parts.length).toBeGreaterThan(120);
  await picup.current.kill();
  await expect(page.getByText('Connection lost.')).toBeVisible();
  await picup.current.startAgain();
  const panel = panelOf(page);
  // What the server had kept before its answer was lost is here already.
  await expect(panel).toContainText(/\d+ files uploaded/, { timeout: 60_000 });
  await expect(panel).not.toContainText(/failed|cancelled/);
  expect(await total(page)).toBe(440);
});

for (const status of [429, 503]) {
  test(`a server that answers ${status} is asked again when it said, and not before`, async ({ page, watch }) => {
    watch.expects(new RegExp(String(status)));
    await page.clock.install();
    await signIn(page, picup.current);
    let asked = 0;
    await page.route(/\/api\/uploads(\/many)?$/, async (route) => {
      if (++asked > 1) return await route.continue();
      await route.fulfill({
        status,
        headers: { 'retry-after': '60', 'content-type': 'application/problem+json' },
        body: JSON.stringify({ type: 'urn:picup:busy', title: 'Busy', status, detail: 'Ask again.' }),
      });
    });
    const before = await total(page);
    const refused = page.waitForResponse((response) => response.status() === status);
    await choose(page, makePictures(newFolder(), 1, `busy-${status}`));
    await refused;
    let seconds = 0;
    for (; asked === 1; seconds += 10) await page.clock.runFor(10_000);
    expect(seconds).toBeGreaterThanOrEqual(50);
    await expect(panelOf(page)).toContainText('1 file uploaded');
    expect(await total(page)).toBe(before + 1);
  });
}

test('uploads wait, and say so, while nothing can be changed', async ({ page, watch }) => {
  watch.expects(/503/);
  await signIn(page, picup.current);
  const before = await total(page);
  const problem = { type: 'urn:picup:read-only', title: 'Read-only', status: 503, detail: 'The primary does not answer.' };
  await page.route(/\/api\/uploads(\/many)?$/, (route) =>
    route.fulfill({ status: 503, contentType: 'application/problem+json', headers: { 'retry-after': '1' }, body: JSON.stringify(problem) }),
  );
  await choose(page, makePictures(newFolder(), 2, 'held'));
  await expect(panelOf(page)).toContainText('Waiting until changes are possible again');
  await page.unrouteAll();
  await expect(panelOf(page)).toContainText('2 files uploaded', { timeout: 60_000 });
  await expect(panelOf(page)).not.toContainText('Waiting');
  expect(await total(page)).toBe(before + 2);
});
