// The checker of texts, on pages made up for it: what it must find, and what it must leave alone.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const GOOD = {
  'lib/i18n/en.ts': `export const en = {
    'app.name': 'PicUp',
    'list.count': { one: '{count} photo', other: '{count} photos' },
    'list.owner': 'Photos of {name}',
  };`,
  'lib/i18n/ko.ts': `export const ko = {
    'app.name': 'PicUp',
    'list.count': { other: '사진 {count}장' },
    'list.owner': '{name}의 사진',
  };`,
  'List.svelte': `<script lang="ts">
    import { t } from './lib/i18n/i18n.svelte';
    let { all, name }: { all: string[]; name: string } = $props();
    const kind = $derived(all.length > 1 ? 'many' : 'few');
    function key(event: KeyboardEvent) {
      if (event.key === 'Escape') document.querySelector('main a')?.setAttribute('data-kind', kind);
    }
  </script>
  <h1 class={kind === 'many' ? 'wide' : 'narrow'} title={t('list.owner', { name })} onkeydown={key}>{t('app.name')}</h1>
  <p style:width={\`calc(1px + \${all.length}px)\`} aria-label="{t('list.count', { count: all.length })}: {name}">{all.join(', ')} — {kind === 'few' ? '·' : ''}</p>`,
};

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'picup-catalogue-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What the checker says of these files. */
function check(files: Record<string, string>): { passed: boolean; problems: string[] } {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const ran = spawnSync(process.execPath, [join(import.meta.dirname, 'check-catalogue.mjs'), folder], { encoding: 'utf8' });
  return { passed: ran.status === 0, problems: ran.stderr.trim().split('\n').filter(Boolean) };
}

test('a page whose every text is in the catalogues passes', () => {
  expect(check(GOOD)).toEqual({ passed: true, problems: [] });
});

test('catalogues that do not match fail', () => {
  const { passed, problems } = check({
    ...GOOD,
    'lib/i18n/en.ts': `export const en = {
      'app.name': 'PicUp',
      'list.count': { other: '{count} photos' },
      'list.owner': 'Photos of {name}',
      'list.left': '{count} left',
      'list.empty': ' ',
      'list.extra': 'Nobody asks for this',
    };`,
    'lib/i18n/ko.ts': `export const ko = {
      'app.name': 'PicUp',
      'app.name': 'PicUp',
      'list.count': { one: '사진 한 장', other: '사진 {count}장' },
      'list.owner': '사진',
      'list.left': '{count}장 남음',
      'list.more': '더 보기',
    };`,
  });
  expect(passed).toBe(false);
  expect(problems.sort()).toEqual(
    [
      'en: list.count counts, and lacks the form “one”',
      'en: list.empty is empty',
      'en: list.left counts, and lacks the form “one”',
      'ko: app.name is there twice',
      'ko: list.count has a form “one” that is never chosen',
      'ko: list.empty is missing',
      'ko: list.extra is missing',
      'ko: list.more is not in English',
      'ko: list.owner has other {places} than in English',
      'list.empty is used nowhere',
      'list.extra is used nowhere',
      'list.left is used nowhere',
    ].sort(),
  );
});

/** One line of code each, and what must be said of it. */
const WRONG: [code: string, problem: string][] = [
  ["throw new Error('the disk is full');", 'words outside the catalogue: the disk is full'],
  ["export const fail = () => new RangeError(`${Date.now()} is too much`);", 'words outside the catalogue: … is too much'],
  ["document.title = 'Albums';", 'words outside the catalogue: Albums'],
  ["document.title = open ? t('app.name') : `Settings of ${name}`;", 'words outside the catalogue: Settings of …'],
  ["element.ariaLabel = name || 'nobody';", 'words outside the catalogue: nobody'],
  ["element.setAttribute('aria-label', 'close');", 'words outside the catalogue: close'],
  ["notices.say('saved');", 'words outside the catalogue: saved'],
  ["confirm('sure?');", 'words outside the catalogue: sure?'],
  ["export const field = { name: 'email', label: 'E-mail' };", 'words outside the catalogue: E-mail'],
  ["export const why = 'Your photos are safe here';", 'words outside the catalogue: Your photos are safe here'],
  ["export const other = ['사진'];", 'words outside the catalogue: 사진'],
  ["t('list.gone');", 'list.gone is in no catalogue'],
  ["t('list.owner');", 'list.owner is asked for without {name}'],
  ["t(open ? 'app.name' : 'list.count', { size: 3 });", 'list.count is asked for without {count}'],
];

test('each text in code is found', () => {
  const files = WRONG.map(([code], at) => [`lib/${at}.ts`, `// A line before.\n${code}\n`]);
  const { passed, problems } = check({ ...GOOD, ...Object.fromEntries(files) });
  expect(passed).toBe(false);
  expect(problems.sort()).toEqual(WRONG.map(([, problem], at) => `lib/${at}.ts:2: ${problem}`).sort());
});

/** The same in markup. */
const WRONG_MARKUP: [markup: string, problem: string][] = [
  ['<p>Hello</p>', 'words outside the catalogue: Hello'],
  ['<input placeholder="Name" />', 'words outside the catalogue: Name'],
  ["<button aria-label={'Close'}></button>", 'words outside the catalogue: Close'],
  ["<button aria-label={open ? t('app.name') : 'Open it'}></button>", 'words outside the catalogue: Open it'],
  ['<p>{`${count} photos`}</p>', 'words outside the catalogue: … photos'],
  ["<p>{count > 1 ? 'many' : t('app.name')}</p>", 'words outside the catalogue: many'],
  ['<Dialog title="Really?" />', 'words outside the catalogue: Really?'],
  ["<button onclick={() => notices.say('copied')}></button>", 'words outside the catalogue: copied'],
  ["{#if open}<i>{t('list.owner')}</i>{/if}", 'list.owner is asked for without {name}'],
  ['<svelte:head><title>Albums</title></svelte:head>', 'words outside the catalogue: Albums'],
];

test('each text in markup is found', () => {
  const files = WRONG_MARKUP.map(([markup], at) => [`Page${at}.svelte`, `<b></b>\n${markup}\n`]);
  const { passed, problems } = check({ ...GOOD, ...Object.fromEntries(files) });
  expect(passed).toBe(false);
  expect(problems.sort()).toEqual(WRONG_MARKUP.map(([, problem], at) => `Page${at}.svelte:2: ${problem}`).sort());
});
