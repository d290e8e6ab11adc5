// What the viewer's tests share: a library to look at, the viewer's parts by name, and fingers.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { allShown, choose, expect, setUp, uploaded, type Page, type Picup } from './picup';

export const viewerOf = (page: Page) => page.getByRole('dialog', { name: 'Viewer' });
export const pictureOf = (page: Page) => viewerOf(page).locator('.slide[aria-hidden=false] .picture');
export const previewOf = (page: Page) => viewerOf(page).locator('.slide[aria-hidden=false] .preview.shown');
export const heart = (page: Page) => viewerOf(page).getByRole('button', { name: 'Favourite' });

/** The timeline's ids in order, once all is processed and nothing moves any more. */
export async function idsOf(page: Page): Promise<string[]> {
  const timeline = () => api<{ id: string[]; state: string[] }>(page, 'GET', '/api/timeline/assets');
  await expect.poll(async () => (await timeline()).state).not.toContain('processing');
  return (await timeline()).id;
}

/** Makes the first account and its library. */
export async function fill(page: Page, picup: Picup, files: string[]): Promise<void> {
  await setUp(page, picup);
  await choose(page, files);
  await uploaded(page);
  await allShown(page);
}

/** Opens a photo and waits until it is there. */
export async function open(page: Page, id: string): Promise<void> {
  await page.locator(`[data-asset="${id}"]`).click();
  await shows(page, id);
}

/** Waits until the viewer shows this one, with its details. */
export async function shows(page: Page, id: string): Promise<void> {
  await expect(page).toHaveURL(new RegExp(`/photo/${id}$`));
  await expect(previewOf(page)).toBeVisible();
  await expect(previewOf(page)).toHaveAttribute('src', new RegExp(id));
  await expect(viewerOf(page).getByRole('link', { name: 'Download original' })).toHaveAttribute('href', new RegExp(id));
}

/** How close the shown one is looked at. */
export async function scaleOf(page: Page): Promise<number> {
  return pictureOf(page).evaluate((picture) => new DOMMatrix(getComputedStyle(picture).transform).a);
}

export async function api<T>(page: Page, method: 'GET' | 'POST' | 'PATCH', path: string, data?: unknown): Promise<T> {
  const origin = new URL(page.url()).origin;
  const answer = await page.request.fetch(origin + path, { method, ...(data === undefined ? {} : { data }), headers: { Origin: origin } });
  expect(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`).toBe(true);
  return answer.status() === 204 ? (undefined as T) : ((await answer.json()) as T);
}

interface Target {
  method: string;
  url: string;
  headers: { name: string; value: string }[];
}

/** Sends a file as a program does; with `motionOf`, as the moving part of a photo. */
export async function send(page: Page, path: string, motionOf?: string): Promise<void> {
  const bytes = readFileSync(path);
  const hash = createHash('sha256').update(bytes).digest('hex');
  const wish = { file_name: basename(path), bytes: bytes.length, sha256: hash, ...(motionOf ? { motion_of: motionOf } : {}) };
  const { upload } = await api<{ upload: { id: string } }>(page, 'POST', '/api/uploads', wish);
  const { parts } = await api<{ parts: Target[] }>(page, 'POST', `/api/uploads/${upload.id}/parts`, { parts: [{ number: 1, sha256: hash }] });
  for (const target of parts) expect(await put(page, target, bytes), 'the part arrived').toBe(204);
  await api(page, 'POST', `/api/uploads/${upload.id}/complete`);
}

/** As the page does it: without credentials, for the address carries its own right. */
function put(page: Page, { method, url, headers }: Target, bytes: Buffer): Promise<number> {
  return page.evaluate(
    async ({ method, url, headers, base64 }) => {
      const body = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      return (await fetch(url, { method, body, credentials: 'omit', headers })).status;
    },
    { method, url, headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])), base64: bytes.toString('base64') },
  );
}

interface Spot {
  x: number;
  y: number;
}

/** Fingers on the glass, by the browser's own protocol. */
export async function fingersOf(page: Page) {
  const devtools = await page.context().newCDPSession(page);
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', spots: Spot[]) =>
    devtools.send('Input.dispatchTouchEvent', { type, touchPoints: spots.map(({ x, y }, id) => ({ x, y, id })) });
  const between = (from: Spot, to: Spot, share: number): Spot => ({ x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share });
  return {
    touch,
    /** In one go: two taps with a pause between are no double tap. */
    async tapTwice(x: number, y: number): Promise<void> {
      const at = [{ x, y }];
      await Promise.all([touch('touchStart', at), touch('touchEnd', []), touch('touchStart', at), touch('touchEnd', [])]);
    },
    /** Moves as many fingers as there are from one place to another, in steps. */
    async drag(from: Spot[], to: Spot[], steps = 8): Promise<void> {
      await touch('touchStart', from);
      for (let step = 1; step <= steps; step++) await touch('touchMove', from.map((spot, one) => between(spot, to[one] ?? spot, step / steps)));
      await touch('touchEnd', []);
    },
  };
}
