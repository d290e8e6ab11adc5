import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { styleFor } from '../layout/grid';
import { TimelineModels } from './model';
import { day, library, open, settle, stored } from './timeline.fake';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('its model', () => {
  it('shows only what stands in the window, and everything over all windows', async () => {
    const { timeline } = await open(stored(300, 7));
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    const model = new TimelineModels().build(timeline, 1200, styleFor(1200));
    const seen = new Set<string>();
    for (let top = 0; top < model.height; top += 500) {
      const blocks = model.blocksIn(top, top + 500);
      expect(blocks.length).toBeLessThan(20);
      for (const block of blocks) {
        for (const row of block.rows) row.boxes.forEach((_, at) => seen.add(block.entries?.[row.first + at]?.id ?? ''));
      }
    }
    expect(seen.size).toBe(2100);
  });

  it('knows where an asset is, and holds a place while what is above changes', async () => {
    const { timeline } = await open(stored(300, 7));
    const models = new TimelineModels();
    const before = models.build(timeline, 1200, styleFor(1200));
    const anchor = before.anchorAt(before.height / 2);
    expect(anchor && before.topOf(anchor)).toBeCloseTo(before.height / 2, 0);
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    const after = models.build(timeline, 1200, styleFor(1200));
    const id = timeline.entriesOn(anchor?.key ?? '')?.[0]?.id ?? '';
    const place = after.placeOf(id);
    expect(place?.top).toBeGreaterThanOrEqual(after.topOfDay(anchor?.key ?? '') ?? Infinity);
    expect(after.dayAt((place?.top ?? 0) + 1)).toBeDefined();
    expect(after.placeOf('nobody')).toBeUndefined();
  });

  it('holds a picture in place when another comes before it on its own day', async () => {
    const assets = library(2, 60);
    const { timeline } = await open(() => assets);
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    const models = new TimelineModels();
    const before = models.build(timeline, 1200, styleFor(1200));
    const y = (before.topOfDay(day(1)) ?? 0) + 900;
    const anchor = before.anchorAt(y);
    const id = anchor?.id ?? '';
    const top = before.placeOf(id)?.top ?? 0;
    assets.push(...Array.from({ length: 12 }, (_, index) => ({ id: `z${index}`, day: day(1) })));
    timeline.changed(day(1));
    await settle();
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    const after = models.build(timeline, 1200, styleFor(1200));
    const moved = (after.placeOf(id)?.top ?? 0) - top;
    expect(moved).toBeGreaterThan(100);
    expect(anchor && after.topOf(anchor)).toBeCloseTo(y + moved, 0);
  });

  it('has something to hold on to everywhere, also between two rows of days', async () => {
    const { timeline } = await open(stored(40, 7));
    const model = new TimelineModels().build(timeline, 1200, styleFor(1200));
    for (let y = 0; y < model.height - styleFor(1200).below; y += 3) {
      const anchor = model.anchorAt(y);
      expect(anchor && model.topOf(anchor)).toBeCloseTo(y, 6);
    }
  });

  it('lays out again only what changed', async () => {
    const { timeline } = await open(stored(400, 7));
    const models = new TimelineModels();
    for (const stretch of timeline.stretches) await timeline.want(stretch);
    const first = models.build(timeline, 1200, styleFor(1200)).blocksIn(0, 300)[0]?.rows[0];
    const second = models.build(timeline, 1200, styleFor(1200)).blocksIn(0, 300)[0]?.rows[0];
    expect(second).toBe(first);
  });
});
