// Writes src/lib/api/schema.d.ts from the API's OpenAPI file; with --check, fails when the two disagree.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import openapiTS, { astToString, COMMENT_HEADER } from 'openapi-typescript';

const root = join(import.meta.dirname, '..');
const source = join(root, '..', 'crates', 'api', 'openapi.json');
const target = join(root, 'src', 'lib', 'api', 'schema.d.ts');

const made = COMMENT_HEADER + astToString(await openapiTS(pathToFileURL(source)));
if (!process.argv.includes('--check')) {
  writeFileSync(target, made);
} else if (readFileSync(target, 'utf8') !== made) {
  console.error('src/lib/api/schema.d.ts is not what crates/api/openapi.json says: run `npm run api`');
  process.exit(1);
} else {
  console.log('API types: as crates/api/openapi.json says');
}
