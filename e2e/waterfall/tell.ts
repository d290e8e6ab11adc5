// What the visits come to: a table for docs/benchmarks.md, and a line of JSON for each of its cells.
import type { Counted } from './connections';
import type { Protocol, Visit } from './visit';

/** One visit, with what PicUp counted of it. */
export type Run = Visit & Counted;

export interface Cell {
  network: string;
  runs: Record<Protocol, Run[]>;
}

type Figure = 'firstPicture' | 'firstScreenCame' | 'firstScreen' | 'jumpCame' | 'jump' | 'connections' | 'requests';
const FIGURES: [figure: Figure, words: string, unit: string][] = [
  ['firstPicture', 'first thumbnail is seen', 'ms'],
  ['firstScreenCame', 'first screen: all have come', 'ms'],
  ['firstScreen', 'first screen: all are seen', 'ms'],
  ['jumpCame', 'jump to the middle: all have come', 'ms'],
  ['jump', 'jump to the middle: all are seen', 'ms'],
  ['connections', 'connections', 'count'],
  ['requests', 'requests', 'count'],
];

export function median(values: number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

/** The visit whose first screen was full neither sooner nor later than those of the others. */
export function middle(runs: Run[]): Run {
  const sorted = runs.toSorted((one, other) => one.firstScreen - other.firstScreen);
  const run = sorted[Math.floor(sorted.length / 2)];
  if (!run) throw new Error('no visits');
  return run;
}

interface Told {
  network: string;
  words: string;
  unit: string;
  one: number;
  two: number;
  spread: string[];
  ratios: number[];
}

function told({ network, runs }: Cell): Told[] {
  return FIGURES.map(([figure, words, unit]) => {
    const [one, two] = [runs['HTTP/1.1'].map((run) => run[figure]), runs['HTTP/2'].map((run) => run[figure])];
    const spread = [one, two].map((values) => `${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))}`);
    const ratios = two.map((value, round) => value / (one[round] ?? Number.NaN));
    return { network, words, unit, one: median(one), two: median(two), spread, ratios };
  });
}

export function table(cells: Cell[]): string {
  const rows = cells.flatMap(told).map(({ network, words, unit, one, two, spread, ratios }) => {
    const all = unit === 'ms' ? ratios.map((ratio) => ratio.toFixed(2)).join(' ') : '';
    const shown = [one, two].map((value, at) => `${Math.round(value)} (${spread[at]})`);
    const what = unit === 'ms' ? `${words}, ms` : words;
    return `| ${network} | ${what} | ${shown[1]} | ${shown[0]} | ${median(ratios).toFixed(2)} | ${all} |`;
  });
  const head = '| network | what | HTTP/2 | HTTP/1.1 | ratio | ratios of the rounds |\n| --- | --- | --- | --- | --- | --- |';
  return `${head}\n${rows.join('\n')}`;
}

export function lines(cells: Cell[]): string {
  const round = (value: number): number => Math.round(value * 1000) / 1000;
  return cells
    .flatMap(told)
    .map(({ network, words, unit, one, two, ratios }) =>
      JSON.stringify({
        bench: 'waterfall',
        cell: `${words} (${network})`,
        unit,
        ours: round(two),
        peer: round(one),
        peer_name: 'HTTP/1.1',
        ratio: round(median(ratios)),
      }),
    )
    .join('\n');
}
