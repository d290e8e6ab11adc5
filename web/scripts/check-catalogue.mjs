// Fails when a text of the page is not in the catalogues: a key that one language lacks, a key that nothing uses, a place
// (`{name}`) that a translation dropped, or words written straight into markup. Unknown keys in code fail `svelte-check`.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'svelte/compiler';
import ts from 'typescript';

const root = join(import.meta.dirname, '..', 'src');
const problems = [];

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((name) => join(root, name))
  .filter((name) => /\.(svelte|ts)$/.test(name) && !/\.(test|d)\.ts$/.test(name));

/** The catalogue's object literal, read without running it: key → set of its texts. */
function readCatalogue(language) {
  const name = join(root, 'lib', 'i18n', `${language}.ts`);
  const source = ts.createSourceFile(name, readFileSync(name, 'utf8'), ts.ScriptTarget.Latest, true);
  const messages = new Map();
  const visit = (node) => {
    if (ts.isPropertyAssignment(node) && ts.isStringLiteral(node.name)) {
      const { initializer } = node;
      const forms = ts.isObjectLiteralExpression(initializer) ? initializer.properties.map((form) => form.initializer) : [initializer];
      if (messages.has(node.name.text)) problems.push(`${language}: ${node.name.text} is there twice`);
      messages.set(node.name.text, forms.map((form) => form.text));
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return messages;
}

const placesOf = (texts) => [...new Set(texts.flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort().join(' ');

function checkSameKeys(en, ko) {
  for (const [key, texts] of en) {
    const translated = ko.get(key);
    if (!translated) problems.push(`ko: ${key} is missing`);
    else if (placesOf(texts) !== placesOf(translated)) problems.push(`ko: ${key} has other {places} than in English`);
    if (texts.some((text) => text.trim() === '')) problems.push(`en: ${key} is empty`);
  }
  for (const key of ko.keys()) if (!en.has(key)) problems.push(`ko: ${key} is not in English`);
}

function checkUsed(en) {
  const code = files
    .filter((name) => !/i18n[\\/](en|ko)\.ts$/.test(name))
    .map((name) => readFileSync(name, 'utf8'))
    .join('\n');
  for (const key of en.keys()) if (!code.includes(`'${key}'`)) problems.push(`${key} is used nowhere`);
}

/** Attributes that a person reads or hears. */
const SPOKEN = new Set(['aria-label', 'aria-description', 'aria-valuetext', 'title', 'alt', 'placeholder']);
const hasWords = (text) => /\p{L}/u.test(text);

function checkMarkup(name) {
  const text = readFileSync(name, 'utf8');
  const complain = (node, words) => {
    const line = text.slice(0, node.start).split('\n').length;
    problems.push(`${relative(root, name)}:${line}: words outside the catalogue: ${words.trim()}`);
  };
  const visit = (node) => {
    if (typeof node !== 'object' || node === null) return;
    if (Array.isArray(node)) return node.forEach(visit);
    if (node.type === 'Text' && hasWords(node.data)) return complain(node, node.data);
    if (node.type === 'StyleDirective') return;
    if (node.type === 'Attribute') {
      if (!SPOKEN.has(node.name) || !Array.isArray(node.value)) return;
      for (const part of node.value) if (part.type === 'Text' && hasWords(part.data)) complain(node, part.data);
      return;
    }
    for (const child of Object.values(node)) visit(child);
  };
  visit(parse(text, { modern: true }).fragment);
}

const [en, ko] = [readCatalogue('en'), readCatalogue('ko')];
checkSameKeys(en, ko);
checkUsed(en);
files.filter((name) => name.endsWith('.svelte')).forEach(checkMarkup);

if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
console.log(`catalogue: ${en.size} texts in 2 languages, all used, none missing`);
