// A visit as a picture: a row for each request until the first screen was full, and what it did when. Readable on light and dark ground.
import type { Asked, Protocol, Visit } from './visit';

const WIDTH = 900;
const NAMES = 190;
const RIGHT = 16;
const TOP = 76;
const ROW = 11;
const BOTTOM = 26;

const PHASES = [
  ['queued', 'waits in the browser'],
  ['connect', 'connection and TLS'],
  ['wait', 'asked, waits for the answer'],
  ['body', 'the answer comes'],
] as const;

const STYLE = `
  svg { background: #ffffff; font: 9px system-ui, sans-serif; }
  text { fill: #1f2328; } .dim { fill: #59636e; } .title { font-size: 13px; font-weight: 600; }
  .line { stroke: #d1d9e0; } .moment { stroke: #cf222e; stroke-dasharray: 3 2; } .word { fill: #cf222e; }
  .ground { fill: #ffffff; } .queued { fill: #c4ccd4; } .connect { fill: #bf6a02; } .wait { fill: #2da44e; } .body { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; } .ground { fill: #0d1117; } text { fill: #f0f6fc; } .dim { fill: #9198a1; }
    .line { stroke: #3d444d; } .moment { stroke: #ff7b72; } .word { fill: #ff7b72; }
    .queued { fill: #4a535d; } .connect { fill: #e3942b; } .wait { fill: #3fb950; } .body { fill: #4493f8; }
  }`;

/** `until` is where the scale ends, in milliseconds: the same for pictures that are compared. */
export function draw(protocol: Protocol, network: string, visit: Visit, until: number): string {
  const asked = drawn(visit);
  const height = TOP + asked.length * ROW + BOTTOM;
  const x = (at: number): number => NAMES + (at / until) * (WIDTH - NAMES - RIGHT);
  const title = `The timeline over ${protocol}: ${network}, nothing kept in the browser`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">`,
    `<title>${title}</title><style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}"/><text class="title" x="12" y="20">${title}</text>`,
    legend(),
    ...scale(until, height, x),
    ...asked.map((one, at) => row(one, name(one, asked.slice(0, at)), TOP + at * ROW, x)),
    moment('first thumbnail', visit.firstPicture, TOP - 19, height, x),
    moment('first screen full', visit.firstScreen, TOP - 8, height, x),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

/** When the last that is drawn had come, or the screen was full. */
export function end(visit: Visit): number {
  return Math.max(visit.firstScreen, ...drawn(visit).map(({ ended }) => ended));
}

function drawn(visit: Visit): Asked[] {
  const asked = visit.asked.filter(({ started, ended }) => started < visit.firstScreen && ended > 0);
  return asked.toSorted((one, other) => one.started - other.started);
}

function legend(): string {
  const items = PHASES.map(([phase, words], at) => {
    const left = 12 + at * 150;
    return `<rect class="${phase}" x="${left}" y="30" width="9" height="9"/><text class="dim" x="${left + 13}" y="38">${words}</text>`;
  });
  return items.join('');
}

function scale(until: number, height: number, x: (at: number) => number): string[] {
  const step = [10, 20, 50, 100, 200, 500, 1000].find((one) => until / one <= 10) ?? 2000;
  const marks = Array.from({ length: Math.floor(until / step) + 1 }, (_, at) => at * step);
  return marks.map((at) => {
    const left = x(at).toFixed(1);
    const line = `<line class="line" x1="${left}" x2="${left}" y1="${TOP - 2}" y2="${height - BOTTOM + 4}"/>`;
    return `${line}<text class="dim" x="${left}" y="${height - 10}" text-anchor="middle">${at} ms</text>`;
  });
}

function row(asked: Asked, name: string, top: number, x: (at: number) => number): string {
  const waited = asked.connected > asked.connecting ? asked.connecting : asked.sent;
  const borders = [asked.started, waited, asked.sent, asked.answered, asked.ended];
  const bars = PHASES.map(([phase], at) => {
    const [left, right] = [x(borders[at] ?? 0), x(borders[at + 1] ?? 0)];
    if (right - left < 0.1) return '';
    return `<rect class="${phase}" x="${left.toFixed(1)}" y="${top + 1}" width="${(right - left).toFixed(1)}" height="${ROW - 3}"/>`;
  });
  return `<text x="${NAMES - 8}" y="${top + 8}" text-anchor="end">${name}</text>${bars.join('')}`;
}

function moment(words: string, at: number, top: number, height: number, x: (at: number) => number): string {
  const left = x(at).toFixed(1);
  const line = `<line class="moment" x1="${left}" x2="${left}" y1="${top - 8}" y2="${height - BOTTOM + 4}"/>`;
  return `${line}<text class="word" x="${Number(left) - 4}" y="${top}" text-anchor="end">${words}: ${Math.round(at)} ms</text>`;
}

/** What a request is called: its path, and of thumbnails which one. */
function name({ path }: Asked, before: Asked[]): string {
  const thumbnail = (one: string): boolean => one.includes('/thumbnail.');
  if (thumbnail(path)) return `thumbnail ${before.filter((one) => thumbnail(one.path)).length + 1}`;
  return path.length > 36 ? `${path.slice(0, 35)}…` : path;
}
