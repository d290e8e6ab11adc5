// What the tests of sharing use: links made by hand, people without an account, and members.
import type { Browser, BrowserContextOptions, Request } from '@playwright/test';
import { expect, type Page, type Picup, type Watch } from './picup';

/** Somebody without an account, in a browser that knows nothing of this PicUp. */
export interface Stranger {
  page: Page;
  requests: Request[];
}

export async function stranger(browser: Browser, watch: Watch, options: BrowserContextOptions = {}): Promise<Stranger> {
  const page = await (await browser.newContext(options)).newPage();
  watch.follow(page);
  const requests: Request[] = [];
  page.on('request', (request) => requests.push(request));
  return { page, requests };
}

export interface Wishes {
  ends?: string;
  password?: string;
  download?: boolean;
}

/** Fills what a new link asks for and makes it; gives the link. */
export async function makeLink(page: Page, wishes: Wishes = {}): Promise<string> {
  const form = page.getByRole('dialog', { name: 'New link' });
  if (wishes.ends) await form.getByLabel('Ends').selectOption(wishes.ends);
  if (wishes.download) await form.getByLabel('Originals may be downloaded').check();
  if (wishes.password) {
    await form.getByLabel('Ask for a password').check();
    await form.getByLabel('Password of the link', { exact: true }).fill(wishes.password);
  }
  await form.getByRole('button', { name: 'Make link' }).click();
  const made = page.getByRole('dialog', { name: 'Share link' });
  const link = await made.getByRole('textbox', { name: 'Share link' }).inputValue();
  await made.getByRole('button', { name: 'Done' }).click();
  return link;
}

export const shareDialog = (page: Page) => page.getByRole('dialog', { name: /^(Share|Who sees) “/ });

/** Opens the album's dialog of sharing. */
export async function openSharing(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Share album' }).click();
  await expect(shareDialog(page)).toBeVisible();
}

export const tokenOf = (link: string) => link.split('/').at(-1) ?? '';

/** Every tile shows a picture that has really come. */
export async function pictured(page: Page, count: number): Promise<void> {
  const tiles = page.locator('.tile img.loaded');
  await expect(tiles).toHaveCount(count);
  const widths = await tiles.evaluateAll((images) => images.map((image) => (image as HTMLImageElement).naturalWidth));
  expect(Math.min(...widths)).toBeGreaterThan(0);
}

/** Makes an account whose owner is called something. */
export async function person(page: Page, picup: Picup, name: string, password: string): Promise<string> {
  const email = `${name.toLowerCase()}@example.org`;
  await page.goto(new URL(picup.user('invite', email), picup.origin).href);
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();
  return email;
}
