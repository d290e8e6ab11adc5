// What can be seen of the timeline, frame by frame: runs inside the page, from its first script on.
import type { Page } from '@playwright/test';

/** A frame in which something else could be seen than in the one before: its time, the tiles in sight, and those with their picture. */
export type Frame = [at: number, tiles: number, pictures: number];

interface Eye {
  frames: Frame[];
  /** Forgets what was, and looks from now on; gives the time. */
  begin: () => number;
}

declare global {
  interface Window {
    eye: Eye;
  }
}

/** How long nothing must change until what is seen is what there is to see. */
const STILL_MS = 1_500;

export async function watch(page: Page): Promise<void> {
  await page.addInitScript(() => {
    performance.setResourceTimingBufferSize(10_000);
    const eye: Eye = {
      frames: [],
      begin: () => {
        eye.frames = [];
        return performance.now();
      },
    };
    window.eye = eye;
    const look = (): void => {
      const view = document.querySelector('.scroller')?.getBoundingClientRect();
      let tiles = 0;
      let pictures = 0;
      for (const tile of view ? document.querySelectorAll('.tile') : []) {
        const { top, bottom } = tile.getBoundingClientRect();
        if (!view || bottom <= view.top || top >= view.bottom) continue;
        tiles += 1;
        const picture = tile.querySelector('img');
        if (picture?.complete && picture.naturalWidth > 0) pictures += 1;
      }
      const last = eye.frames.at(-1);
      if (last?.[1] !== tiles || last[2] !== pictures) eye.frames.push([performance.now(), tiles, pictures]);
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

/** Waits until all tiles in sight have their pictures, and those around them too, and nothing changes any more. */
export async function settled(page: Page): Promise<Frame[]> {
  await page.waitForFunction(
    (still) => {
      const [at = 0, tiles = 0, pictures = 0] = window.eye.frames.at(-1) ?? [];
      const begun = performance.getEntriesByType('resource').at(-1)?.startTime ?? 0;
      const all = [...document.querySelectorAll<HTMLImageElement>('.tile img')].every((picture) => picture.complete);
      return tiles > 0 && pictures === tiles && all && performance.now() - Math.max(at, begun) > still;
    },
    STILL_MS,
    { timeout: 120_000, polling: 100 },
  );
  return page.evaluate(() => window.eye.frames);
}

/** When the last byte had come of the pictures that are in sight now. */
export function arrived(page: Page): Promise<number> {
  return page.evaluate(() => {
    const view = document.querySelector('.scroller')?.getBoundingClientRect();
    const pictures = [...document.querySelectorAll<HTMLImageElement>('.tile img')].filter((picture) => {
      const { top, bottom } = picture.getBoundingClientRect();
      return view && bottom > view.top && top < view.bottom;
    });
    const entries = pictures.flatMap(({ currentSrc }) => performance.getEntriesByName(currentSrc)) as PerformanceResourceTiming[];
    return Math.max(...entries.map(({ responseEnd }) => responseEnd));
  });
}

/** When the first picture was seen, and from when on all that are seen at the end. */
export function moments(frames: Frame[]): { first: number; full: number } {
  const [, tiles] = frames.at(-1) ?? [0, 0, 0];
  const lacking = frames.findLastIndex(([, some, pictures]) => some !== tiles || pictures !== tiles);
  const first = frames.find(([, , pictures]) => pictures > 0)?.[0] ?? Number.NaN;
  return { first, full: frames[lacking + 1]?.[0] ?? Number.NaN };
}
