// The budget's own check, on folders made up for it.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'picup-budget-'));
  mkdirSync(join(folder, 'assets'));
  const head = '<script type="module" src="/assets/index-1.js"></script><link rel="stylesheet" href="/assets/index-1.css">';
  writeFileSync(join(folder, 'index.html'), head);
  write('index-1.css', 'body{margin:0}');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, 'assets', name), text);
/** A script that no compression makes smaller than `size`. */
const bulk = (size: number) => `/*${randomBytes(size).toString('base64')}*/`;

function check(): { passed: boolean; said: string } {
  const ran = spawnSync(process.execPath, [join(import.meta.dirname, 'check-budget.mjs'), folder], { encoding: 'utf8' });
  return { passed: ran.status === 0, said: ran.stdout + ran.stderr };
}

test('what comes later does not weigh on the first load', () => {
  write('index-1.js', 'import("./later-1.js")');
  write('later-1.js', bulk(200_000));
  expect(check()).toMatchObject({ passed: true, said: expect.stringMatching(/script at first +0\.0 kB/) });
});

test('what is imported at first does', () => {
  write('index-1.js', 'import{a}from"./part-1.js";a()');
  write('part-1.js', `export const a=1${bulk(160_000)}`);
  expect(check()).toMatchObject({ passed: false, said: expect.stringMatching(/script at first .*OVER/) });
});

test('a page that leads to a file that is not there fails', () => {
  expect(check()).toMatchObject({ passed: false, said: expect.stringContaining('assets/index-1.js') });
});
