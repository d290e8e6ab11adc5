// The server is killed twice in the middle of an upload: afterwards every file is there once, byte by byte as it was on the disk.
import { createHash } from 'node:crypto';
import { choose, expect, setUp, test, usePicup } from './picup';
import { sha256 } from './samples';
import { Gate, makeLarge, makePictures, newFolder, panelOf, watchParts } from './upload';
import { api } from './viewing';

const picup = usePicup();

test('nothing is doubled and nothing is lost', async ({ page, watch }) => {
  // What was under way goes on file by file after each kill.
  test.setTimeout(240_000);
  watch.expects(/ERR_(CONNECTION|EMPTY_RESPONSE|INCOMPLETE_CHUNKED|CONTENT_LENGTH|SOCKET)|status of 503|answer: 503/);
  await setUp(page, picup.current);
  const folder = newFolder();
  const files = [...makePictures(folder, 150), makeLarge(folder), ...makePictures(folder, 40, 'late')];
  const parts = watchParts(page);
  const gate = await Gate.shut(page, 2);
  await choose(page, files);
  for (const many of [30, 110]) {
    await expect.poll(() => parts.length).toBeGreaterThan(many);
    await picup.current.kill();
    await expect(page.getByText('Connection lost.')).toBeVisible();
    await picup.current.startAgain();
    await expect(page.getByText('Connection lost.')).toBeHidden();
  }
  gate.open();
  const panel = panelOf(page);
  await expect(panel).toContainText(/\d+ files uploaded/, { timeout: 150_000 });
  await expect(panel).not.toContainText(/failed|cancelled/);

  const { id } = await api<{ id: string[] }>(page, 'GET', '/api/timeline/assets?limit=1000');
  expect(id.length).toBe(files.length);
  const kept: string[] = [];
  for (const asset of id) {
    const { media } = await api<{ media: { original: string } }>(page, 'GET', `/api/assets/${asset}`);
    const original = await page.request.get(new URL(media.original, picup.current.origin).href);
    kept.push(createHash('sha256').update(await original.body()).digest('hex'));
  }
  expect(kept.sort()).toEqual(files.map((file) => sha256(file)).sort());
});
