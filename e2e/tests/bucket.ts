// A picup whose photos are in a bucket, and the service that has it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PERSON, test, usePicup } from './picup';
import { createUser, Picup } from './server';

const SERVICE = resolve(process.env['PICUP_S3_TOOL'] ?? join(import.meta.dirname, '../../target/debug/examples/s3'));

interface Bucket {
  endpoint: string;
  bucket: string;
  id: string;
  secret: string;
}

/** One for all tests of a file, with the account of `PERSON`; `more` are lines of its `[store]`. */
export function bucketOf(...more: string[]) {
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
      const store = [`url = "s3://${bucket.bucket}/photos"`, `endpoint = "${bucket.endpoint}"`, `access_key_file = "${key}"`, ...more];
      writeFileSync(join(data, 'picup.toml'), `[store]\n${store.join('\n')}\n`);
      createUser(data, PERSON.email, PERSON.password);
    });
  });

  test.afterAll(() => {
    service?.stdin?.end();
  });
  return { picup, endpoint: () => bucket.endpoint };
}
