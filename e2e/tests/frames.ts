// What Chromium's own tracing says of a stretch of time: frames shown and dropped, and how long the main thread was busy at
// once. And what the page takes: its heap after a collection, and its nodes.
import type { Browser, CDPSession, Page } from '@playwright/test';

const CATEGORIES = ['benchmark', 'cc', 'toplevel', 'disabled-by-default-devtools.timeline'];

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  args: { name?: string; chrome_frame_reporter?: { state: string; frame_sequence: number } };
}

export interface Frames {
  seconds: number;
  shown: number;
  dropped: number;
  /** Frames a second that were shown. */
  rate: number;
  /** Milliseconds of the longest task of the page's main thread, and how many took longer than 50. */
  longest: number;
  long: number;
}

export interface Size {
  /** Bytes of the JavaScript heap after a collection. */
  heap: number;
  nodes: number;
}

/** Does something while Chromium traces. */
export async function traced(browser: Browser, page: Page, work: () => Promise<void>): Promise<Frames> {
  await browser.startTracing(page, { categories: CATEGORIES });
  const begun = performance.now();
  await work();
  const seconds = (performance.now() - begun) / 1000;
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  return read(trace.traceEvents, seconds);
}

function read(events: TraceEvent[], seconds: number): Frames {
  const mains = new Set(
    events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const reports = events.filter(({ name, ph }) => name === 'PipelineReporter' && ph === 'b');
  const states = reports.map(({ args }) => args.chrome_frame_reporter?.state ?? '');
  const shown = states.filter((state) => state.startsWith('STATE_PRESENTED')).length;
  const dropped = states.filter((state) => state === 'STATE_DROPPED').length;
  const tasks = events
    .filter(({ name, ph, pid, tid }) => name === 'RunTask' && ph === 'X' && mains.has(`${pid} ${tid}`))
    .map(({ dur }) => (dur ?? 0) / 1000);
  return {
    seconds: round(seconds),
    shown,
    dropped,
    rate: round(shown / seconds),
    longest: round(Math.max(0, ...tasks)),
    long: tasks.filter((task) => task > 50).length,
  };
}

export async function size(session: CDPSession): Promise<Size> {
  await session.send('HeapProfiler.collectGarbage');
  await session.send('Performance.enable');
  const { metrics } = await session.send('Performance.getMetrics');
  const value = (wanted: string) => metrics.find(({ name }) => name === wanted)?.value ?? Infinity;
  return { heap: value('JSHeapUsedSize'), nodes: value('Nodes') };
}

/** Turns the wheel over the middle of the page, as smoothly as a hand does: so many pixels down, or up when less than 0. */
export async function wheel(session: CDPSession, pixels: number, pixelsPerSecond: number): Promise<void> {
  const gesture = { x: 700, y: 500, yDistance: -pixels, speed: pixelsPerSecond, gestureSourceType: 'mouse' as const };
  await session.send('Input.synthesizeScrollGesture', { ...gesture, preventFling: true });
}

const round = (value: number) => Math.round(value * 10) / 10;
