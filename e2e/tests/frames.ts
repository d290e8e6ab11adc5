// What Chromium's own tracing says of a stretch of time: frames shown and dropped, and how long the main thread was busy at
// once. And what the page takes: its heap after a collection, and its nodes.
import type { Browser, CDPSession, Locator, Page } from '@playwright/test';

const CATEGORIES = ['benchmark', 'cc', 'toplevel', 'disabled-by-default-devtools.timeline'];

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  /** Microseconds by the clock, and those of them that the thread itself ran. */
  dur?: number;
  tdur?: number;
  args: { name?: string; frame_reporter?: { state: string; frame_sequence: number; layer_tree_host_id: number } };
}

export interface Frames {
  seconds: number;
  shown: number;
  dropped: number;
  /** Frames a second that were shown. */
  rate: number;
  /** Milliseconds of the longest task of the page's main thread by the clock, and of the one that ran longest itself. */
  longest: number;
  longestRun: number;
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
  const { shown, dropped } = count(events);
  const tasks = events.filter(({ name, ph, pid, tid }) => name === 'RunTask' && ph === 'X' && mains.has(`${pid} ${tid}`));
  return {
    seconds: round(seconds),
    shown,
    dropped,
    rate: round(shown / seconds),
    longest: round(Math.max(0, ...tasks.map(({ dur }) => dur ?? 0)) / 1000),
    longestRun: round(Math.max(0, ...tasks.map(({ tdur }) => tdur ?? 0)) / 1000),
  };
}

/** A frame has several reports when the compositor shows it before the page has drawn its part: what was shown counts. */
function count(events: TraceEvent[]): { shown: number; dropped: number } {
  const shown = new Set<string>();
  const dropped = new Set<string>();
  for (const { name, ph, pid, args } of events) {
    const report = args.frame_reporter;
    if (name !== 'PipelineReporter' || ph !== 'b' || !report) continue;
    const frame = `${pid} ${report.layer_tree_host_id} ${report.frame_sequence}`;
    if (report.state.startsWith('STATE_PRESENTED')) shown.add(frame);
    else if (report.state === 'STATE_DROPPED') dropped.add(frame);
  }
  return { shown: shown.size, dropped: [...dropped].filter((frame) => !shown.has(frame)).length };
}

export async function size(session: CDPSession): Promise<Size> {
  // What one collection lets go of in the engine's own heap, the next finds in the page's.
  for (let times = 0; times < 3; times++) await session.send('HeapProfiler.collectGarbage');
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

/**
 * Drags what has been pressed downwards for so many seconds, one move to a frame. The page is told of the moves inside it: by the
 * browser's own protocol only some twenty a second get there, each waiting for the last.
 */
export function dragDown(what: Locator, pixels: number, seconds: number): Promise<void> {
  return what.evaluate(
    (element, { pixels, seconds }) => {
      const { left, top } = element.getBoundingClientRect();
      const begun = performance.now();
      return new Promise<void>((done) => {
        const move = (now: number) => {
          const part = Math.min(1, Math.max(0, now - begun) / 1000 / seconds);
          const at = { clientX: left + 20, clientY: top + 8 + pixels * part };
          element.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, pointerId: 1, pointerType: 'mouse', buttons: 1, ...at }));
          if (part === 1) done();
          else requestAnimationFrame(move);
        };
        requestAnimationFrame(move);
      });
    },
    { pixels, seconds },
  );
}

const round = (value: number) => Math.round(value * 10) / 10;
