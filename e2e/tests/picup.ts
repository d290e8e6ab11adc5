// What every test uses: a picup per file, a page that is watched for anything unexpected, and the first steps in words.
import { AxeBuilder } from '@axe-core/playwright';
import { test as base, expect, type APIResponse, type Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Picup } from './server';

export const PERSON = { name: 'Ada', email: 'ada@example.org', password: 'seven quiet lighthouses' };

/** Complaints of a page: errors in its console (a violated policy among them) and requests that failed. */
export class Watch {
  readonly #complaints: string[] = [];
  readonly #expected: RegExp[] = [];

  /** Complaints like this belong to the test. */
  expects(pattern: RegExp): void {
    this.#expected.push(pattern);
  }

  follow(page: Page): void {
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.#note(`console: ${message.text()} ${message.location().url}`);
    });
    page.on('pageerror', (error) => this.#note(`error: ${error.stack ?? error.message}`));
    page.on('requestfailed', (request) => {
      // A page that goes on to the next photo stops asking for the last one; a reload stops everything.
      const why = request.failure()?.errorText ?? '';
      if (why !== 'net::ERR_ABORTED') this.#note(`request: ${request.url()} ${why}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 400) this.#note(`answer: ${response.status()} ${response.url()}`);
    });
  }

  check(): void {
    const left = this.#complaints.filter((one) => !this.#expected.some((pattern) => pattern.test(one)));
    expect(left, 'nothing unexpected in the console and on the network').toEqual([]);
  }

  #note(complaint: string): void {
    this.#complaints.push(complaint);
  }
}

export const test = base.extend<{ watch: Watch }, object>({
  watch: [
    async ({ context }, use) => {
      const watch = new Watch();
      for (const page of context.pages()) watch.follow(page);
      context.on('page', (page) => watch.follow(page));
      await use(watch);
      // Answers that were still on their way through a test's own hands.
      await context.unrouteAll({ behavior: 'ignoreErrors' });
      watch.check();
    },
    { auto: true },
  ],
});

/** One picup for the tests of the calling file. */
export function usePicup(start = () => Picup.start()): { readonly current: Picup } {
  let picup: Picup | undefined;
  test.describe.configure({ mode: 'serial' });
  test.beforeAll(async () => {
    picup = await start();
  });
  test.afterAll(async () => {
    await picup?.stop();
  });
  return {
    get current() {
      if (!picup) throw new Error('picup runs only inside tests');
      return picup;
    },
  };
}

export async function setUp(page: Page, picup: Picup): Promise<void> {
  await page.goto(picup.setupLink);
  await makeAccount(page, PERSON);
  await expect(page.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();
}

/** Fills what a link to a new account asks for. */
export async function makeAccount(page: Page, { name, email, password }: typeof PERSON): Promise<void> {
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Create account' }).click();
}

export async function signIn(page: Page, picup: Picup, email = PERSON.email, password = PERSON.password): Promise<void> {
  await page.goto(picup.origin);
  await enter(page, email, password);
}

/** Signs in where the page asks for it. */
export async function enter(page: Page, email: string, password: string): Promise<void> {
  await page.locator('input[type=email]').fill(email);
  await page.locator('input[autocomplete=current-password]').fill(password);
  await page.locator('form button.primary').click();
  await expect(page.locator('.shell')).toBeVisible();
}

/** Guesses until no guess is left, with more than two seconds until the next comes back. Then no faster than the front lets through, to
    which more than ten in a second are too many: its refusal would be taken for the one that is meant. */
export async function guessesUsedUp(guess: () => Promise<APIResponse>): Promise<void> {
  await expect.poll(async () => (await guess()).status(), { intervals: [0] }).toBe(429);
  await expect.poll(async () => Number((await guess()).headers()['retry-after'] ?? 0), { intervals: [250] }).toBeGreaterThan(2);
}

/** Chooses files by the upload button. */
export async function choose(page: Page, files: string[]): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await page.locator('header button.upload').click();
  await (await chooser).setFiles(files);
}

/** Drops files on the page, as if dragged from the desktop. */
export async function drop(page: Page, files: string[]): Promise<void> {
  const contents = files.map((path) => ({ name: basename(path), base64: readFileSync(path).toString('base64') }));
  await page.evaluate(async (contents) => {
    const transfer = new DataTransfer();
    for (const { name, base64 } of contents) {
      transfer.items.add(new File([await (await fetchBytes(base64)).arrayBuffer()], name, { lastModified: 1.6e12 }));
    }
    for (const type of ['dragenter', 'dragover', 'drop']) {
      document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
    }
    async function fetchBytes(text: string): Promise<Blob> {
      return new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))]);
    }
  }, contents);
}

/** Waits until the queue is done, and gives its words. */
export async function uploaded(page: Page): Promise<string> {
  const panel = page.getByRole('region', { name: 'Uploads' });
  await expect(panel.getByText(/files? uploaded|Everything was here already/)).toBeVisible({ timeout: 60_000 });
  return (await panel.locator('.words').innerText()).replaceAll('\n', ' ');
}

/** What the server itself says of the timeline. */
export async function total(page: Page): Promise<number> {
  const answer = await page.request.get(new URL('/api/timeline', page.url()).href);
  return ((await answer.json()) as { total: number }).total;
}

/** Waits until every tile that can be seen shows its picture. */
export async function allShown(page: Page): Promise<void> {
  await expect(page.locator('.tile').first()).toBeVisible();
  await expect(page.locator('.tile .note')).toHaveCount(0, { timeout: 60_000 });
  await expect(page.locator('.tile img:not(.loaded)')).toHaveCount(0);
}

/** WCAG 2.0 to 2.2, levels A and AA, and what axe-core holds to be good practice beyond them. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** No violation, however small, of the rules for people who see, hear or move differently. */
export async function accessible(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const found = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`).join('\n  ')}`,
  );
  // Softly, so that one run tells of all pages.
  expect.soft(found, `accessibility of ${what}`).toEqual([]);
}

/** Waits until nothing fades or moves any more: what fades in is judged when it is there. */
export async function still(page: Page): Promise<void> {
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => undefined))));
}

/** The page is whole, and for everybody. */
export async function spotless(page: Page, what: string): Promise<void> {
  await still(page);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(over, `${what} is no wider than the screen`).toBeLessThanOrEqual(0);
  await accessible(page, what);
}

/** Keeps a picture of the page among the artefacts, to be looked at. */
export async function picture(page: Page, what: string, options: { fullPage?: boolean } = {}): Promise<void> {
  await page.screenshot({ path: `artifacts/${what.replaceAll(/[^a-z]+/gi, '-')}.png`, ...options });
}

export { expect, type Page, type Picup };
