// What makes the built page a thing to install and to open without a network: its manifests in each language, the list of its files in
// the service worker, and every file compressed beforehand, as the gateway sends it.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import * as zstd from '@bokuweb/zstd-wasm';
import type { Plugin } from 'vite';
import { en, type Catalogue } from '../src/lib/i18n/en.ts';
import { ko } from '../src/lib/i18n/ko.ts';

const WORKER = 'sw.js';
const COMPRESSIBLE = /\.(html|js|css|svg|json|webmanifest|wasm|txt)$/;
/** `--paper` of app.css, in light: a manifest knows one colour; the page's own `theme-color` follows the appearance. */
const PAPER = '#fbfaf7';

export function shell(): Plugin {
  return {
    name: 'picup-shell',
    apply: 'build',
    config: () => ({
      build: {
        rolldownOptions: {
          input: { index: 'index.html', sw: 'src/pwa/sw.ts' },
          output: { entryFileNames: (chunk) => (chunk.name === 'sw' ? WORKER : 'assets/[name]-[hash].js') },
        },
      },
    }),
    transformIndexHtml: () => [
      { tag: 'meta', attrs: { name: 'description', content: en['app.description'] }, injectTo: 'head' },
      { tag: 'link', attrs: { rel: 'manifest', href: '/manifest.webmanifest' }, injectTo: 'head' },
    ],
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'manifest.webmanifest', source: manifest('en', en) });
      this.emitFile({ type: 'asset', fileName: 'manifest.ko.webmanifest', source: manifest('ko', ko) });
    },
    writeBundle: {
      order: 'post',
      async handler({ dir = 'dist' }) {
        listFiles(dir);
        await compress(dir);
      },
    },
  };
}

function manifest(language: string, texts: Catalogue): string {
  const text = (key: keyof Catalogue) => texts[key] as string;
  const icon = (name: string, size: number, purpose: string) => ({
    src: `/icons/${name}-${size}.png`,
    sizes: `${size}x${size}`,
    type: 'image/png',
    purpose,
  });
  const shortcut = (name: string, url: string) => ({ name, url, icons: [icon('icon', 192, 'any')] });
  return JSON.stringify({
    // The same for every language: it is one page, installed once.
    id: '/',
    start_url: '/',
    scope: '/',
    name: text('app.name'),
    short_name: text('app.name'),
    description: text('app.description'),
    lang: language,
    display: 'standalone',
    background_color: PAPER,
    theme_color: PAPER,
    categories: ['photo'],
    icons: [icon('icon', 192, 'any'), icon('icon', 512, 'any'), icon('maskable', 192, 'maskable'), icon('maskable', 512, 'maskable')],
    shortcuts: [shortcut(text('nav.albums'), '/#/albums'), shortcut(text('nav.favourites'), '/#/favourites')],
    // Answered by the service worker alone.
    share_target: {
      action: '/share',
      method: 'POST',
      enctype: 'multipart/form-data',
      params: { files: [{ name: 'files', accept: ['image/*', 'video/*'] }] },
    },
  });
}

/** Paths of all files under `dir`, with `/` between the parts. */
function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(dir, name)).isFile())
    .map((name) => name.split(sep).join('/'))
    .filter((name) => !/\.(br|zst|gz)$/.test(name))
    .sort();
}

/** Tells the service worker what this build consists of; its version is the hash of that. */
function listFiles(dir: string): void {
  const hash = (bytes: Buffer | string) => createHash('sha256').update(bytes);
  const files = filesIn(dir)
    .filter((name) => name !== WORKER)
    .map((name) => [`/${name}`, `sha256-${hash(readFileSync(join(dir, name))).digest('base64')}`]);
  const list = JSON.stringify(files);
  const version = JSON.stringify(hash(list).digest('hex').slice(0, 16));
  const path = join(dir, WORKER);
  writeFileSync(path, `const SHELL_VERSION=${version},SHELL_FILES=${list};\n${readFileSync(path, 'utf8')}`);
}

/** Writes `NAME.br`, `NAME.zst` and `NAME.gz` beside each file that gets smaller by it. */
async function compress(dir: string): Promise<void> {
  await zstd.init();
  for (const name of filesIn(dir).filter((name) => COMPRESSIBLE.test(name))) {
    const path = join(dir, name);
    const bytes = readFileSync(path);
    const best = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } };
    const made = { br: brotliCompressSync(bytes, best), zst: zstd.compress(bytes, 22), gz: gzipSync(bytes, { level: 9 }) };
    for (const [ending, small] of Object.entries(made)) if (small.length < bytes.length) writeFileSync(`${path}.${ending}`, small);
  }
}
