// A picup that holds a large library from the start: rows by the seeding tool, and thumbnails that are put where their keys say
// as the page learns of them. A million of them would take a disk; those that are looked at are real files of the store,
// served by PicUp itself.
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { PERSON } from './picup';
import { photographs } from './samples';
import { createUser, Picup } from './server';

const SEED = resolve(process.env['PICUP_SEED_TOOL'] ?? join(import.meta.dirname, '../../target/debug/examples/seed'));
const PHOTOGRAPHS = 40;
/** Different parts of a photograph are different pictures. */
const PARTS = ['0:0', 'iw/4:0', '0:ih/4', 'iw/4:ih/4'];

/** Starts a picup in which Ada has so many assets, over twenty years to 30 June 2026. */
export function startWithLibrary(assets: number): Promise<Picup> {
  return Picup.start((data) => {
    createUser(data, PERSON.email, PERSON.password, '--admin', '--name', PERSON.name);
    const what = ['--data-dir', data, '--email', PERSON.email, '--assets', String(assets)];
    execFileSync(SEED, what, { stdio: 'pipe' });
    drawThumbnails(join(data, 'pictures'));
  });
}

/** Gives each asset that the page learns of its thumbnail, before the page learns of it. */
export async function serveThumbnails(page: Page, picup: Picup): Promise<void> {
  const data = join(picup.folder, 'data');
  const pictures = readdirSync(join(data, 'pictures')).map((name) => join(data, 'pictures', name));
  let owner: string | undefined;
  await page.context().route('**/api/timeline/assets?*', async (route) => {
    const response = await route.fetch();
    owner ??= ((await (await page.request.get(`${picup.origin}/api/account`)).json()) as { id: string }).id;
    const { id } = (await response.json()) as { id: string[] };
    for (const asset of id) place(join(data, 'objects', 'media', owner, asset), pictures, asset);
    await route.fulfill({ response });
  });
}

function place(folder: string, pictures: string[], asset: string): void {
  const made = mkdirSync(join(folder, 'view'), { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  const picture = pictures[Number.parseInt(asset.slice(-6), 16) % pictures.length] ?? '';
  linkSync(picture, join(folder, 'view', 'thumbnail.1.webp'));
}

function drawThumbnails(folder: string): void {
  mkdirSync(folder);
  const size = 'scale=480:360:force_original_aspect_ratio=increase:force_divisible_by=2';
  for (const [index, photo] of photographs(PHOTOGRAPHS).entries()) {
    const made = PARTS.flatMap((part, at) => {
      const picture = ['-vf', `crop=iw*3/4:ih*3/4:${part},${size}`, '-frames:v', '1', '-quality', '75'];
      return [...picture, join(folder, `${index}-${at}.webp`)];
    });
    execFileSync('ffmpeg', ['-v', 'error', '-i', photo, ...made], { stdio: 'pipe' });
  }
}
