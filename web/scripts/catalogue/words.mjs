// Finds words that people would read in TypeScript, and texts that are asked for without what they need. A string in code is no text by
// itself (`'click'`, `'main a'`): what counts is where it goes, and whether it reads like a sentence.
import ts from 'typescript';
import { placesOf } from './messages.mjs';

/** Names under which a person reads or hears what is put in: attributes, properties of elements, fields of our own shapes. */
export const SPOKEN = new Set([
  ...['aria-label', 'aria-description', 'aria-roledescription', 'aria-valuetext', 'aria-placeholder', 'title', 'alt', 'placeholder'],
  ...['ariaLabel', 'ariaDescription', 'ariaRoleDescription', 'ariaValueText', 'textContent', 'innerText', 'innerHTML'],
  ...['label', 'detail', 'hint', 'intro', 'heading', 'question', 'message', 'description'],
]);
/** Functions that show what they are given. */
const SHOWING = /^(?:(?:window\.|globalThis\.)?(?:alert|confirm|prompt)|notices\.\w+)$/;

/** Two letters beside each other, one of them small, or any letter of a script without capitals. `HTTP` is no word. */
const hasWords = (text) => /\p{Ll}\p{L}|\p{L}\p{Ll}|\p{Lo}/u.test(text);
const isPhrase = (text) => /\p{L}\s+…?\s*\p{L}/u.test(text);
const isSentence = (text) => /^\p{Lu}[\p{L}’'-]*[\s,]+(?:.*\s)?\p{Ll}{2,}/u.test(text) || /\p{Lo}/u.test(text);

/**
 * Looks through one piece of code.
 * @param {string} text the code
 * @param {Map<string, import('./messages.mjs').Message>} messages the English catalogue
 * @param {(position: number, problem: string) => void} complain
 * @param {boolean} shown whether its value itself is shown: an expression between tags
 */
export function checkCode(text, messages, complain, shown = false) {
  const source = ts.createSourceFile('code.ts', text, ts.ScriptTarget.Latest, true);
  const reported = new Set();
  const words = (node) => {
    if (reported.has(node)) return;
    reported.add(node);
    complain(node.getStart(), `words outside the catalogue: ${literal(node)}`);
  };
  const visit = (node) => {
    for (const [value, test] of spokenValues(node)) for (const one of leaves(value)) if (test(literal(one))) words(one);
    if (ts.isCallExpression(node)) checkAsked(node, messages, complain);
    if (literal(node) !== undefined && !isName(node) && isSentence(literal(node))) words(node);
    ts.forEachChild(node, visit);
  };
  const [first] = source.statements;
  if (shown && first && ts.isExpressionStatement(first)) {
    for (const one of leaves(first.expression)) if (hasWords(literal(one))) words(one);
  }
  visit(source);
}

/** A string's text, with `…` for what is put into it; nothing for any other node. */
function literal(node) {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join('…');
}

/** Names and types are no texts, whatever they look like. */
function isName(node) {
  const { parent } = node;
  return ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent) || ts.isLiteralTypeNode(parent) || parent.name === node;
}

/** The strings that a value may come out as; what is called or computed speaks for itself. */
function leaves(node) {
  if (literal(node) !== undefined) {
    return ts.isTemplateExpression(node) ? [node, ...node.templateSpans.flatMap((span) => leaves(span.expression))] : [node];
  }
  if (ts.isConditionalExpression(node)) return [...leaves(node.whenTrue), ...leaves(node.whenFalse)];
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) return leaves(node.expression);
  if (ts.isArrayLiteralExpression(node)) return node.elements.flatMap(leaves);
  if (!ts.isBinaryExpression(node)) return [];
  const joins = [ts.SyntaxKind.PlusToken, ts.SyntaxKind.BarBarToken, ts.SyntaxKind.QuestionQuestionToken];
  if (joins.includes(node.operatorToken.kind)) return [...leaves(node.left), ...leaves(node.right)];
  return node.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken ? leaves(node.right) : [];
}

/** The values that this node hands to a person, each with what makes it a text. */
function spokenValues(node) {
  if (ts.isPropertyAssignment(node)) return SPOKEN.has(nameOf(node.name)) ? [[node.initializer, hasWords]] : [];
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
    return ts.isPropertyAccessExpression(node.left) && SPOKEN.has(node.left.name.text) ? [[node.right, hasWords]] : [];
  }
  if (ts.isThrowStatement(node) && node.expression) return [[node.expression, hasWords]];
  // What an error says is shown when nothing better is known of it; one word is its name.
  if (ts.isNewExpression(node) && /(?:Error|Exception)$/.test(node.expression.getText())) {
    return (node.arguments ?? []).map((value) => [value, isPhrase]);
  }
  if (!ts.isCallExpression(node)) return [];
  if (SHOWING.test(node.expression.getText())) return node.arguments.map((value) => [value, hasWords]);
  const [name, value] = node.arguments;
  const sets = ts.isPropertyAccessExpression(node.expression) && node.expression.name.text === 'setAttribute';
  return sets && value && SPOKEN.has(literal(name)) ? [[value, hasWords]] : [];
}

const nameOf = (name) => (ts.isIdentifier(name) || ts.isStringLiteralLike(name) ? name.text : '');

/** `t(key, params)`: the key exists, and every place of its text is filled. */
function checkAsked(call, messages, complain) {
  if (call.expression.getText() !== 't' || call.arguments.length === 0) return;
  const [asked, params] = call.arguments;
  for (const one of leaves(asked).filter(ts.isStringLiteralLike)) {
    const message = messages.get(one.text);
    if (!message) complain(one.getStart(), `${one.text} is in no catalogue`);
    else for (const place of missing(message, params)) complain(one.getStart(), `${one.text} is asked for without {${place}}`);
  }
}

function missing(message, params) {
  const needed = message.plural ? [...new Set(['count', ...placesOf(message)])] : placesOf(message);
  if (!params) return needed;
  // A value made elsewhere, or one that takes in others, is believed.
  if (!ts.isObjectLiteralExpression(params) || params.properties.some(ts.isSpreadAssignment)) return [];
  const given = new Set(params.properties.map((one) => nameOf(one.name)));
  return needed.filter((place) => !given.has(place));
}
