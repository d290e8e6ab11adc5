// Photos in a bucket: the browser sends them straight to the service, and PicUp never carries them.
import { bucketOf } from './bucket';
import { choose, expect, signIn, test, total, uploaded } from './picup';
import { photographs } from './samples';
import { makeLarge, newFolder } from './upload';

const { picup, endpoint } = bucketOf();

test('the browser sends photos straight to the bucket, large files in parts', async ({ page }) => {
  await expect.poll(() => picup.current.log).toContain('go straight into the bucket');
  const parts: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'PUT') parts.push(new URL(request.url()).origin);
  });
  await signIn(page, picup.current);
  const files = [...photographs(5), makeLarge(newFolder())];
  await choose(page, files);
  await uploaded(page);
  expect(await total(page)).toBe(6);
  expect(new Set(parts)).toEqual(new Set([endpoint()]));
  expect(parts.length).toBeGreaterThan(6);
  // All but the film, which is none.
  await expect(page.locator('.tile img.loaded')).toHaveCount(5, { timeout: 60_000 });
});
