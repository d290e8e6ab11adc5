// Draws the icons of the installed page from src/icon.svg with a real Chromium: `npm run icons`. The results are committed, because a
// build should need no browser; run this again when the mark changes.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CHROMIUM = process.env['PICUP_CHROMIUM'] ?? '/usr/bin/chromium';
const root = join(import.meta.dirname, '..');
const target = join(root, 'public', 'icons');
const mark = readFileSync(join(root, 'src', 'icon.svg'), 'utf8');

/** Its ground to the very edge, for systems that cut their own shape; what is drawn on it stays within `share` of the width. */
function bleeding(share) {
  const [ground, ...strokes] = mark.match(/<(rect|path)[^>]*>/g);
  const colour = /fill="(#\w+)"/.exec(ground)[1];
  const place = `translate(16 16) scale(${share * (32 / 28)}) translate(-16 -16)`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" fill="${colour}"/><g transform="${place}">${strokes.join('')}</g></svg>`;
}

/** The mark to the very edge: its file leaves a margin, of which a small icon has none to spare. */
const plain = mark.replace('viewBox="0 0 32 32"', 'viewBox="1 1 30 30"');

const ICONS = [
  ['icon-192.png', 192, plain],
  ['icon-512.png', 512, plain],
  // The safe zone is a circle of 80 % of the width (W3C Web Application Manifest, "icon masks").
  ['maskable-192.png', 192, bleeding(0.74)],
  ['maskable-512.png', 512, bleeding(0.74)],
  ['apple-touch-icon.png', 180, bleeding(0.84)],
];

mkdirSync(target, { recursive: true });
const work = mkdtempSync(join(tmpdir(), 'picup-icons-'));
for (const [name, size, svg] of ICONS) {
  const page = join(work, `${name}.html`);
  const sized = svg.replace('<svg ', `<svg width="${size}" height="${size}" style="display:block" `);
  writeFileSync(page, `<!doctype html><body style="margin:0">${sized}`);
  const look = [`--window-size=${size},${size}`, '--default-background-color=00000000', `--screenshot=${join(target, name)}`];
  const quiet = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--force-device-scale-factor=1'];
  execFileSync(CHROMIUM, [...quiet, `--user-data-dir=${join(work, 'profile')}`, ...look, `file://${page}`], { stdio: 'pipe' });
}
rmSync(work, { recursive: true, force: true });
