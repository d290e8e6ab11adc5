// Fails when what a first visit loads has grown over its budget. Sizes are those that travel: with Brotli, as the gateway sends them.
//   node scripts/check-budget.mjs [FOLDER]
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

/** In bytes. The first is the promise; the others leave some room to grow, and are here so that growing is a decision. */
const BUDGETS = {
  'script at first': 150_000,
  'styles at first': 15_000,
  'script in all': 300_000,
  'styles in all': 30_000,
};

const folder = process.argv[2] ?? join(import.meta.dirname, '..', 'dist');
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(js|css)$/.test(name));
const sizes = new Map(files.map((name) => [name, brotliCompressSync(readFileSync(join(folder, name))).length]));

/** The files that a page names in its head, and what these import before they run. */
function loadedAtFirst() {
  const page = readFileSync(join(folder, 'index.html'), 'utf8');
  const found = new Set();
  const add = (name) => {
    if (found.has(name)) return;
    if (!sizes.has(name)) throw new Error(`index.html leads to ${name}, which is not in ${folder}`);
    found.add(name);
    if (!name.endsWith('.js')) return;
    const text = readFileSync(join(folder, name), 'utf8');
    for (const [, other] of text.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)) add(`assets/${other}`);
  };
  for (const [, name] of page.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)) add(name);
  return [...found];
}

const sum = (names, ending) =>
  names.filter((name) => name.endsWith(ending)).reduce((total, name) => total + sizes.get(name), 0);
const first = loadedAtFirst();
const measured = {
  'script at first': sum(first, '.js'),
  'styles at first': sum(first, '.css'),
  'script in all': sum(files, '.js'),
  'styles in all': sum(files, '.css'),
};

let over = false;
for (const [what, budget] of Object.entries(BUDGETS)) {
  const size = measured[what];
  if (size > budget) over = true;
  console.log(`${what.padEnd(15)} ${(size / 1000).toFixed(1).padStart(6)} kB of ${budget / 1000} kB${size > budget ? '  OVER' : ''}`);
}
if (over) {
  console.error('over budget: load what is not needed at first by import(), or say in scripts/check-budget.mjs why it may grow');
  process.exit(1);
}
