// Photos in a bucket: the browser sends them straight to the service, and PicUp never carries them.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { choose, expect, PERSON, signIn, test, total, uploaded, usePicup } from './picup';
import { photographs } from './samples';
import { createUser, Picup } from './server';
import { makeLarge, newFolder } from './upload';

const SERVICE = resolve(process.env['PICUP_S3_TOOL'] ?? join(import.meta.dirname, '../../target/debug/examples/s3'));

interface Bucket {
  endpoint: string;
  bucket: string;
  id: string;
  secret: string;
}

let service: ChildProcess | undefined;
let bucket: Bucket;

const picup = usePicup(async () => {
  const child = spawn(SERVICE, { stdio: ['pipe', 'pipe', 'inherit'] });
  service = child;
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  bucket = JSON.parse(line.toString()) as Bucket;
  return Picup.start((data) => {
    mkdirSync(data, { mode: 0o700 });
    const key = join(data, 'bucket-key');
    writeFileSync(key, `${bucket.id}\n${bucket.secret}\n`, { mode: 0o600 });
    const store = [`url = "s3://${bucket.bucket}/photos"`, `endpoint = "${bucket.endpoint}"`, `access_key_file = "${key}"`];
    writeFileSync(join(data, 'picup.toml'), `[store]\n${store.join('\n')}\n`);
    createUser(data, PERSON.email, PERSON.password);
  });
});

test.afterAll(() => {
  service?.stdin?.end();
});

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
  expect(new Set(parts)).toEqual(new Set([bucket.endpoint]));
  expect(parts.length).toBeGreaterThan(6);
  // All but the film, which is none.
  await expect(page.locator('.tile img.loaded')).toHaveCount(5, { timeout: 60_000 });
});
