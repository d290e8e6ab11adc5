// Photos in a bucket that are looked at there: the page shows them from the service, and downloads keep their names.
import { basename } from 'node:path';
import { bucketOf } from './bucket';
import { allShown, choose, expect, signIn, test, uploaded } from './picup';
import { makeVideo, photographs, sha256 } from './samples';
import { newFolder } from './upload';
import { api, idsOf, open, viewerOf } from './viewing';

const { picup, endpoint } = bucketOf('reads = "redirect"');

test('what is looked at comes from the bucket, and what is downloaded keeps its name', async ({ page }) => {
  await expect.poll(() => picup.current.log).toContain('read straight from the bucket');
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  const given: { url: URL; status: number }[] = [];
  page.on('response', (response) => given.push({ url: new URL(response.url()), status: response.status() }));
  const from = (origin: string, path: string) =>
    given.filter(({ url }) => url.origin === origin && url.pathname.includes(path)).map(({ status }) => status);

  await signIn(page, picup.current);
  const [photograph] = photographs(1);
  const video = makeVideo(newFolder());
  await choose(page, [photograph!, video]);
  await uploaded(page);
  await allShown(page);
  const ids = await idsOf(page);
  const assets = await Promise.all(ids.map((id) => api<{ id: string; kind: string; file_name: string }>(page, 'GET', `/api/assets/${id}`)));
  const photo = assets.find(({ file_name }) => file_name === basename(photograph!))!;
  const film = assets.find(({ file_name }) => file_name === basename(video))!;
  expect(from(picup.current.origin, '/view/thumbnail'), 'thumbnails come through PicUp').toContain(200);
  expect(from(endpoint(), '/view/thumbnail')).toEqual([]);

  await open(page, photo.id);
  expect(from(picup.current.origin, `${photo.id}/view/preview`)).toContain(307);
  expect(from(endpoint(), `${photo.id}/view/preview`)).toContain(200);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    viewerOf(page).getByRole('link', { name: 'Download original' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe(photo.file_name);
  expect(sha256(await download.path())).toBe(sha256(photograph!));

  await page.keyboard.press('Escape');
  await open(page, film.id);
  const player = viewerOf(page).locator('.slide[aria-hidden=false] video');
  await expect.poll(() => player.evaluate((element: HTMLVideoElement) => element.readyState)).toBeGreaterThan(0);
  await player.evaluate(async (element: HTMLVideoElement) => {
    element.muted = true;
    element.currentTime = 2;
    await element.play();
  });
  await expect.poll(() => player.evaluate((element: HTMLVideoElement) => element.currentTime)).toBeGreaterThan(2);
  expect(from(picup.current.origin, `${film.id}/file/`)).toContain(307);
  expect(from(endpoint(), `${film.id}/file/`)).toContain(206);
  expect(complaints).toEqual([]);
});
