// The timeline under the hand: keys, dates, headings that stay, the scrubber, and selections that reach over days nobody has
// looked at yet; on a library of some thousand photos over twenty years.
import { serveThumbnails, startWithLibrary } from './library';
import { accessible, allShown, expect, signIn, test, usePicup, type Page } from './picup';

const ASSETS = 12_000;
const number = (value: number) => value.toLocaleString('en-GB');
const picup = usePicup(() => startWithLibrary(ASSETS));

test.beforeEach(async ({ page }) => {
  await serveThumbnails(page, picup.current);
  await signIn(page, picup.current);
  await allShown(page);
});

const focused = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute('data-asset') ?? undefined);
const focusedName = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
const inView = (page: Page) =>
  page.evaluate(() => {
    const [tile, view] = [document.activeElement, document.querySelector('.scroller')].map((one) => one?.getBoundingClientRect());
    return tile !== undefined && view !== undefined && tile.top >= view.top - 1 && tile.bottom <= view.bottom + 1;
  });
/** All ids, newest first, as the server has them. */
async function order(page: Page): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null | undefined;
  do {
    const answer = await page.request.get(`${picup.current.origin}/api/timeline/assets?limit=1000${cursor ? `&cursor=${cursor}` : ''}`);
    const columns = (await answer.json()) as { id: string[]; next?: string | null };
    ids.push(...columns.id);
    cursor = columns.next;
  } while (cursor);
  return ids;
}
async function counts(page: Page): Promise<{ days: { day: string; count: number }[] }> {
  return (await (await page.request.get(`${picup.current.origin}/api/timeline`)).json()) as { days: { day: string; count: number }[] };
}
const selected = (page: Page) => page.locator('.bar strong');

test('arrows walk over the whole, Home and End lead to its ends, pages turn', async ({ page }) => {
  const ids = await order(page);
  await page.keyboard.press('ArrowRight');
  await expect.poll(() => focused(page)).toBe(ids[0]);
  for (const index of [1, 2, 3]) {
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => focused(page)).toBe(ids[index]);
  }
  await page.keyboard.press('ArrowLeft');
  await expect.poll(() => focused(page)).toBe(ids[2]);

  let last = ids[2];
  for (let rows = 0; rows < 40; rows++) {
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => focused(page)).not.toBe(last);
    const next = await focused(page);
    expect(ids.indexOf(next ?? '')).toBeGreaterThan(ids.indexOf(last ?? ''));
    expect(await inView(page)).toBe(true);
    last = next;
  }
  expect(ids.indexOf(last ?? '')).toBeGreaterThan(100);
  await page.keyboard.press('ArrowUp');
  await expect.poll(async () => ids.indexOf((await focused(page)) ?? '')).toBeLessThan(ids.indexOf(last ?? ''));

  const before = await focused(page);
  await page.keyboard.press('PageDown');
  await expect.poll(async () => ids.indexOf((await focused(page)) ?? '')).toBeGreaterThan(ids.indexOf(before ?? '') + 5);
  expect(await inView(page)).toBe(true);
  await page.keyboard.press('PageUp');
  await expect.poll(async () => Math.abs(ids.indexOf((await focused(page)) ?? '') - ids.indexOf(before ?? ''))).toBeLessThan(12);

  await page.keyboard.press('End');
  await expect.poll(() => focused(page)).toBe(ids.at(-1));
  expect(await inView(page)).toBe(true);
  await page.keyboard.press('ArrowLeft');
  await expect.poll(() => focused(page)).toBe(ids.at(-2));
  await page.keyboard.press('ArrowUp');
  await expect.poll(async () => ids.indexOf((await focused(page)) ?? '')).toBeLessThan(ids.length - 2);
  await page.keyboard.press('Home');
  await expect.poll(() => focused(page)).toBe(ids[0]);
  expect(await page.locator('.scroller').evaluate((view) => view.scrollTop)).toBe(0);
});

test('g goes to a date, or to the nearest one with photos', async ({ page }) => {
  await page.keyboard.press('g');
  const dialog = page.getByRole('dialog', { name: 'Go to date' });
  const field = dialog.getByLabel('Day, month or year');
  await expect(field).toBeFocused();
  await accessible(page, 'go to date');
  await field.fill('gibberish');
  await expect(dialog.getByText('That is not a date yet.')).toBeVisible();
  await expect(dialog.getByRole('button', { name: 'Go', exact: true })).toBeDisabled();
  await field.fill('march 2015');
  await expect(dialog.locator('.hint')).toContainText('March 2015');
  await page.keyboard.press('Enter');
  await expect(dialog).toBeHidden();
  await expect.poll(() => focusedName(page)).toContain('March 2015');
  expect(await inView(page)).toBe(true);
  await expect(page.locator('[role=status]').filter({ hasText: 'March 2015' })).toHaveText(/, \d+ items?$/);

  await page.keyboard.press('g');
  await dialog.getByRole('button', { name: 'Earlier year' }).click();
  await dialog.getByRole('button', { name: /^July, \d+ items?$/ }).click();
  await expect.poll(() => focusedName(page)).toContain('July 2014');

  await page.keyboard.press('g');
  await field.fill('1 January 1999');
  await expect(dialog.getByText('Nothing from then. The nearest is')).toBeVisible();
  await page.keyboard.press('Enter');
  await expect.poll(() => focusedName(page)).toContain('July 2006');

  const last = await focused(page);
  await page.keyboard.press('g');
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  expect(await focused(page)).toBe(last);
});

test('the heading of the day one is in stays in sight', async ({ page }) => {
  const { days } = await counts(page);
  const most = days.reduce((a, b) => (b.count > a.count ? b : a));
  expect(most.count).toBeGreaterThan(15);
  await page.keyboard.press('g');
  await page.getByLabel('Day, month or year').fill(most.day);
  await page.keyboard.press('Enter');
  const section = page.locator('section').filter({ has: page.locator(':focus') });
  await expect(section).toBeVisible();
  const name = await section.locator('h2').innerText();
  await page.locator('.scroller').evaluate((view) => (view.scrollTop += 400));
  const heading = page.getByRole('heading', { name, exact: true });
  await expect(heading).toBeVisible();
  const [at, view] = [await heading.boundingBox(), await page.locator('.scroller').boundingBox()];
  expect((at?.y ?? 0) - (view?.y ?? 0)).toBeGreaterThanOrEqual(0);
  expect((at?.y ?? 0) - (view?.y ?? 0)).toBeLessThan(20);
});

test('the scrubber goes by keys, by wheel and by hand', async ({ page }) => {
  const slider = page.getByRole('slider', { name: 'Go to a date' });
  const month = () => slider.getAttribute('aria-valuetext');
  await slider.focus();
  expect(await month()).toBe('Jun 2026');
  await page.keyboard.press('ArrowDown');
  await expect.poll(month).toBe('May 2026');
  await page.keyboard.press('PageDown');
  await expect.poll(month).toBe('Dec 2025');
  await page.keyboard.press('ArrowUp');
  await expect.poll(month).toBe('Jan 2026');
  await page.keyboard.press('End');
  await expect.poll(month).toBe('Jul 2006');
  await page.keyboard.press('Home');
  await expect.poll(month).toBe('Jun 2026');
  expect(await slider.getAttribute('aria-valuenow')).toBe('0');

  const box = await slider.boundingBox();
  if (!box) throw new Error('no scrubber');
  await page.mouse.move(box.x + 20, box.y + 40);
  await page.mouse.wheel(0, 1500);
  await expect.poll(() => page.locator('.scroller').evaluate((view) => view.scrollTop)).toBe(1500);
  await page.mouse.move(box.x + 20, box.y + box.height * 0.4);
  await page.mouse.down();
  for (let step = 0; step <= 10; step++) await page.mouse.move(box.x + 20, box.y + box.height * (0.4 + step * 0.034));
  // What the hand does is drawn with the next frame.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  const there = (await page.locator('.bubble').innerText()) || '';
  expect(there).toMatch(/^\w{3,4} 20\d\d$/);
  await page.mouse.up();
  await expect.poll(month).toBe(there);
  await page.mouse.move(400, 400);
  await allShown(page);
  expect(await month()).toBe(there);
});

test('all are selected, also those nobody has looked at, and Esc lets go', async ({ page }) => {
  await page.keyboard.press('Control+a');
  await expect(selected(page)).toHaveText(`${number(ASSETS)} selected`);
  await expect(page.locator('.tile:not(.selected)')).toHaveCount(0);
  await page.keyboard.press('End');
  await expect(page.locator('.tile').last()).toHaveClass(/selected/);
  await page.keyboard.press('Escape');
  await expect(selected(page)).toBeHidden();
  await expect(page.locator('.tile.selected')).toHaveCount(0);
});

test('a search for everything can be given up', async ({ page }) => {
  let answer = () => undefined as unknown;
  await page.route(/timeline\/assets\?.*cursor/, async (route) => {
    await new Promise((resume) => (answer = () => resume(undefined)));
    await route.fallback();
  });
  await page.keyboard.press('Control+a');
  await expect(page.getByText('1,000 of 12,000')).toBeVisible();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByText('of 12,000')).toBeHidden();
  answer();
  await expect(page.locator('.tile.selected')).toHaveCount(0);
  await expect(selected(page)).toBeHidden();
});

test('ranges reach over days that are not loaded, and shrink again', async ({ page }) => {
  const ids = await order(page);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('x');
  await expect(selected(page)).toHaveText('1 selected');
  await page.keyboard.press('End');
  await expect.poll(() => focused(page)).toBe(ids.at(-1));
  await page.keyboard.press('ArrowLeft');
  await expect.poll(() => focused(page)).toBe(ids.at(-2));
  await page.keyboard.press('Shift+X');
  await expect(selected(page)).toHaveText(`${number(ASSETS - 1)} selected`);
  await page.keyboard.press('Escape');

  // With Shift the range goes along, forth and back.
  await page.keyboard.press('Home');
  await expect.poll(() => focused(page)).toBe(ids[0]);
  for (const count of [2, 3, 4]) {
    await page.keyboard.press('Shift+ArrowRight');
    await expect(selected(page)).toHaveText(`${count} selected`);
  }
  await page.keyboard.press('Shift+ArrowLeft');
  await expect(selected(page)).toHaveText('3 selected');
  await page.keyboard.press('Shift+End');
  await expect(selected(page)).toHaveText(`${number(ASSETS)} selected`);
  await page.keyboard.press('Shift+Home');
  await expect(selected(page)).toHaveText('1 selected');
  await page.keyboard.press('Escape');

  await page.locator('.tile .check').nth(1).click({ force: true });
  await page.locator('.tile a').nth(6).click({ modifiers: ['Shift'] });
  await expect(selected(page)).toHaveText('6 selected');
  await page.locator('.tile a').nth(3).click({ modifiers: ['Shift'] });
  await expect(selected(page)).toHaveText('3 selected');
});

test('a day is selected by its heading, also before its photos have come', async ({ page }) => {
  const { days } = await counts(page);
  const first = days[0]?.count ?? 0;
  // The check slides in under a hand that comes to its heading.
  await page.locator('section h2').first().hover();
  await page.getByRole('checkbox', { name: /^Select all of/ }).first().click();
  await expect(selected(page)).toHaveText(`${first} selected`);
  await page.keyboard.press('Escape');

  // What is looked at is held back, stretches of many days; what the selection asks is one day.
  let answer = () => undefined as unknown;
  const gate = new Promise((resume) => (answer = () => resume(undefined)));
  await page.route('**/api/timeline/assets?*', async (route) => {
    const { searchParams } = new URL(route.request().url());
    if (searchParams.get('newest') !== searchParams.get('oldest')) await gate;
    await route.fallback();
  });
  await page.getByRole('slider').focus();
  await page.keyboard.press('End');
  const unknown = page.locator('section').filter({ has: page.locator('.unknown') }).last();
  await expect(unknown).toBeVisible();
  const name = (await unknown.getAttribute('aria-label')) ?? '';
  await unknown.getByRole('checkbox').focus();
  await page.keyboard.press('Space');
  await expect(selected(page)).toBeVisible();
  answer();
  await allShown(page);
  const day = page.locator(`section[aria-label="${name}"]`);
  await expect(day.getByRole('checkbox', { name: /^Select all of/ })).toHaveAttribute('aria-checked', 'true');
  await expect(selected(page)).toHaveText(`${await day.locator('.tile').count()} selected`);
  await expect(page.locator('.tile.selected')).toHaveCount(await day.locator('.tile').count());
});
