// Fails when a text of the page is not in the catalogues: a key that one language lacks or that nothing uses, a form of a counted text
// or a place (`{name}`) that is missing, or words written straight into markup or code.
//   node scripts/check-catalogue.mjs [FOLDER OF THE SOURCES]
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'svelte/compiler';
import { checkMessages, readCatalogue } from './catalogue/messages.mjs';
import { checkCode, SPOKEN } from './catalogue/words.mjs';

const LANGUAGES = ['en', 'ko'];
/** Languages' own names are the same in every language. */
const NO_TEXTS = /^(?:lib\/i18n\/(?:en|ko)\.ts|parts\/languages\.ts)$/;

const root = process.argv[2] ?? join(import.meta.dirname, '..', 'src');
const problems = [];

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((name) => join(root, name))
  .filter((name) => /\.(svelte|ts)$/.test(name) && !/\.(test|fake|d)\.ts$/.test(name));
const places = new Map(files.map((name) => [name, relative(root, name).replaceAll('\\', '/')]));

const catalogues = new Map();
for (const language of LANGUAGES) {
  const read = readCatalogue(root, language);
  catalogues.set(language, read.messages);
  problems.push(...read.problems);
}
const english = catalogues.get('en');

function checkUsed() {
  // The build puts some into the manifest.
  const builder = process.argv[2] ? '' : readFileSync(join(import.meta.dirname, 'shell.ts'), 'utf8');
  const code = files.filter((name) => !NO_TEXTS.test(places.get(name))).map((name) => readFileSync(name, 'utf8'));
  const all = [builder, ...code].join('\n');
  for (const key of english.keys()) if (!all.includes(`'${key}'`)) problems.push(`${key} is used nowhere`);
}

const complainer = (name, text, shift) => (position, problem) => {
  const line = text.slice(0, shift + position).split('\n').length;
  problems.push(`${places.get(name)}:${line}: ${problem}`);
};

const isCode = (node) => /(?:Expression|Literal|Identifier)$/.test(node.type ?? '') && typeof node.start === 'number';
const hasWords = (text) => /\p{L}/u.test(text);

/** Markup: its own words, its spoken attributes, and the code within. */
function checkMarkup(name, text) {
  const code = (node, shown) => {
    // In parentheses, so that an object is not read as a block.
    const piece = `(${text.slice(node.start, node.end)})`;
    checkCode(piece, english, complainer(name, text, node.start - 1), shown);
  };
  const visit = (node) => {
    if (typeof node !== 'object' || node === null) return;
    if (Array.isArray(node)) return node.forEach(visit);
    if (isCode(node)) return code(node, false);
    if (node.type === 'Text') {
      if (hasWords(node.data)) complainer(name, text, node.start)(0, `words outside the catalogue: ${node.data.trim()}`);
      return;
    }
    if (node.type === 'ExpressionTag') return code(node.expression, true);
    if (node.type === 'Attribute' && !SPOKEN.has(node.name)) return unspoken(node.value);
    if (node.type === 'StyleDirective') return unspoken(node.value);
    for (const [field, child] of Object.entries(node)) if (field !== 'metadata') visit(child);
  };
  const unspoken = (value) => {
    for (const part of [value].flat()) if (part?.type === 'ExpressionTag') code(part.expression, false);
  };
  const tree = parse(text, { modern: true });
  visit(tree.fragment);
  for (const script of [tree.module, tree.instance].filter(Boolean)) {
    const { start, end } = script.content;
    checkCode(text.slice(start, end), english, complainer(name, text, start));
  }
}

problems.push(...checkMessages(catalogues));
checkUsed();
for (const name of files.filter((name) => !NO_TEXTS.test(places.get(name)))) {
  const text = readFileSync(name, 'utf8');
  if (name.endsWith('.svelte')) checkMarkup(name, text);
  else checkCode(text, english, complainer(name, text, 0));
}

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log(`catalogue: ${english.size} texts in ${LANGUAGES.length} languages, all used, none missing`);
