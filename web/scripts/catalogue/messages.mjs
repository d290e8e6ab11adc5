// The catalogues themselves: read without running them, and held against each other.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/**
 * A text, as a map of its forms; one without forms has only `other`.
 * @typedef {{ forms: Map<string, string>, plural: boolean }} Message
 */

/** @returns {{ messages: Map<string, Message>, problems: string[] }} */
export function readCatalogue(root, language) {
  const name = join(root, 'lib', 'i18n', `${language}.ts`);
  const source = ts.createSourceFile(name, readFileSync(name, 'utf8'), ts.ScriptTarget.Latest, true);
  const messages = new Map();
  const problems = [];
  const visit = (node) => {
    if (!ts.isPropertyAssignment(node) || !ts.isStringLiteral(node.name)) return ts.forEachChild(node, visit);
    const key = node.name.text;
    if (messages.has(key)) problems.push(`${language}: ${key} is there twice`);
    const message = readMessage(node.initializer);
    if (message) messages.set(key, message);
    else problems.push(`${language}: ${key} is no plain text, so that nothing can be said of it`);
  };
  visit(source);
  return { messages, problems };
}

function readMessage(node) {
  if (ts.isStringLiteralLike(node)) return { forms: new Map([['other', node.text]]), plural: false };
  if (!ts.isObjectLiteralExpression(node)) return undefined;
  const forms = node.properties.map((form) => [form.name?.getText(), form.initializer]);
  if (!forms.every(([, text]) => text && ts.isStringLiteralLike(text))) return undefined;
  return { forms: new Map(forms.map(([form, text]) => [form, text.text])), plural: true };
}

/** The `{places}` of a text in all its forms. */
export function placesOf(message) {
  return [...new Set([...message.forms.values()].flatMap((text) => text.match(/(?<=\{)\w+(?=\})/g) ?? []))].sort();
}

/** What is wrong with the catalogues by themselves. */
export function checkMessages(catalogues) {
  const problems = [];
  const [[, first]] = catalogues;
  for (const [language, messages] of catalogues) {
    for (const [key, message] of messages) {
      problems.push(...checkForms(key, message, language).map((problem) => `${language}: ${key} ${problem}`));
      if (!first.has(key)) problems.push(`${language}: ${key} is not in English`);
    }
    for (const [key, message] of first) {
      const translated = messages.get(key);
      if (!translated) problems.push(`${language}: ${key} is missing`);
      else if (placesOf(message).join() !== placesOf(translated).join()) {
        problems.push(`${language}: ${key} has other {places} than in English`);
      }
    }
  }
  return problems;
}

/** A text that counts needs every form that its language has (Unicode CLDR: English has `one` and `other`, Korean `other`). */
function checkForms(key, message, language) {
  const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
  const problems = [];
  if ([...message.forms.values()].some((text) => text.trim() === '')) problems.push('is empty');
  if (!message.plural && !placesOf(message).includes('count')) return problems;
  for (const form of needed) if (!message.forms.has(form)) problems.push(`counts, and lacks the form “${form}”`);
  for (const form of message.forms.keys()) if (!needed.includes(form)) problems.push(`has a form “${form}” that is never chosen`);
  return problems;
}
