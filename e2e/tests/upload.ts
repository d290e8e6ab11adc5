// What the tests of uploading share: real files in real folders, a drop as the desktop does it, and parts that are held back on
// their way, so that a test can do something in the middle.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { expect, type Page } from './picup';
import type { Locator } from '@playwright/test';

/** A file this large is sent in three parts. */
export const THREE_PARTS = 40 << 20;

const PARTS = /\/api\/uploads\/[^/]+\/parts\/\d+\?/;
const SIDE = 8;

const folders: string[] = [];
process.once('exit', () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** An empty folder, which is removed when the tests of its file are over. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'picup-e2e-files-'));
  folders.push(folder);
  return folder;
}

let made = 0;

/** Makes `count` small pictures in a folder, each unlike any other, and gives their paths. */
export function makePictures(folder: string, count: number, name = 'picture'): string[] {
  mkdirSync(folder, { recursive: true });
  return Array.from({ length: count }, (_, index) => {
    const path = join(folder, `${name}-${index + 1}.png`);
    writeFileSync(path, picture(++made));
    return path;
  });
}

/** A film that nobody can play, and that takes its time. */
export function makeLarge(folder: string, name = 'film.mov', size = THREE_PARTS): string {
  const path = join(folder, name);
  writeFileSync(path, randomBytes(size));
  return path;
}

/** A PNG that begins with a number. */
function picture(number: number): Buffer {
  const row = (y: number) => [0, ...Array.from({ length: SIDE * 3 }, (_, x) => (number * 7 + x * 5 + y * 11) % 256)];
  const pixels = Buffer.from(Array.from({ length: SIDE }, (_, y) => row(y)).flat());
  pixels.writeUInt32BE(number, 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(SIDE, 0);
  header.writeUInt32BE(SIDE, 4);
  header.set([8, 2], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(pixels)), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(name: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name), body]);
  const whole = Buffer.alloc(named.length + 8);
  whole.writeUInt32BE(body.length, 0);
  whole.set(named, 4);
  whole.writeUInt32BE(crc32(named), named.length + 4);
  return whole;
}

/** Drops files and folders on the page, as the desktop does: on its head, below which nothing moves. */
export async function dropPaths(page: Page, paths: string[]): Promise<void> {
  const browser = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  const drag = (type: 'dragEnter' | 'dragOver' | 'drop') =>
    browser.send('Input.dispatchDragEvent', { type, x: 500, y: 20, data });
  const invitation = page.getByText('Drop to upload');
  await drag('dragEnter');
  await expect(invitation).toBeVisible();
  // The first time over something new only enters it; what may be dropped is said the second time.
  await drag('dragOver');
  await drag('dragOver');
  await drag('drop');
  await expect(invitation).toBeHidden();
  await browser.detach();
}

/** Opens the chooser by a button, and chooses. */
export async function chooseBy(page: Page, button: Locator, paths: string | string[]): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await button.click();
  await (await chooser).setFiles(paths);
}

export function panelOf(page: Page): Locator {
  return page.getByRole('region', { name: 'Uploads' });
}

/** The names of the files that the panel lists, once there are so many. */
export async function listed(page: Page, count: number): Promise<string[]> {
  const names = panelOf(page).locator('li .name');
  await expect(names).toHaveCount(count);
  return (await names.allInnerTexts()).sort();
}

/** Which parts of files a page sends: `upload/part`, in their order. */
export function watchParts(page: Page): string[] {
  const parts: string[] = [];
  page.on('request', (request) => {
    if (PARTS.test(request.url())) parts.push(new URL(request.url()).pathname.replace(/^\/api\/uploads\/(.+)\/parts\//, '$1/'));
  });
  return parts;
}

/** Stops the parts of files on their way to the server, from the `from`th of a file. */
export class Gate {
  #held = 0;
  #opened: Promise<void>;
  #open: () => void = () => undefined;

  private constructor() {
    this.#opened = new Promise((resolve) => (this.#open = resolve));
  }

  static async shut(page: Page, from = 1): Promise<Gate> {
    const gate = new Gate();
    await page.route(PARTS, async (route) => {
      const part = Number(new URL(route.request().url()).pathname.split('/').at(-1));
      if (part >= from) {
        gate.#held++;
        await gate.#opened;
      }
      await route.continue();
    });
    return gate;
  }

  /** Waits until parts stand before it. */
  async reached(parts = 1): Promise<void> {
    await expect.poll(() => this.#held).toBeGreaterThanOrEqual(parts);
  }

  /** Lets all of them go, and holds none from now on. */
  open(): void {
    this.#open();
  }
}

/** The paths of the files that this browser remembers as not finished. */
export async function remembered(page: Page): Promise<string[]> {
  return await page.evaluate(
    () =>
      new Promise<string[]>((resolve, reject) => {
        const opening = indexedDB.open('picup-uploads');
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const all = opening.result.transaction('files').objectStore('files').getAll() as IDBRequest<{ path: string }[]>;
          all.onerror = () => reject(all.error);
          all.onsuccess = () => {
            opening.result.close();
            resolve(all.result.map(({ path }) => path));
          };
        };
      }),
  );
}
