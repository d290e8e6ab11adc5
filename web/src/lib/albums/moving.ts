// Where things go while one of a list is moved by hand. Pure arithmetic over places; it knows no photo and no page.

/** The list as it is with what stood at `from` standing at `to`. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list];
  next.splice(to, 0, ...next.splice(from, 1));
  return next;
}

/** Runs of what was taken out of a list, each with what it stood before, so that they can go back one after the other. */
export function runsOf(list: readonly string[], taken: ReadonlySet<string>): { run: string[]; before: string | undefined }[] {
  const runs: { run: string[]; before: string | undefined }[] = [];
  for (let at = list.length - 1; at >= 0; at--) {
    const id = list[at];
    if (id === undefined || !taken.has(id)) continue;
    const before = list[at + 1];
    const last = runs.at(-1);
    if (last && before !== undefined && before === last.run[0]) last.run.unshift(id);
    else runs.push({ run: [id], before });
  }
  return runs;
}

/** Where an arrow key leads in rows of so many; nothing when it leads out. */
export function stepOf(key: string, at: number, columns: number, count: number): number | undefined {
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const ends: Record<string, number> = { Home: 0, End: count - 1 };
  const step = steps[key];
  const to = step === undefined ? ends[key] : at + step;
  return to === undefined || to < 0 || to >= count ? undefined : to;
}

export interface Cells {
  columns: number;
  /** A cell's edge, and the gap after it. */
  size: number;
  gap: number;
}

/** As many equal cells as fit, no smaller than wanted. */
export function cellsFor(width: number, wanted: number, gap: number): Cells {
  const columns = Math.max(2, Math.floor((width + gap) / (wanted + gap)));
  return { columns, size: Math.max(1, (width - gap * (columns - 1)) / columns), gap };
}

/** The place at a point, at most the last. */
export function placeAt(x: number, y: number, { columns, size, gap }: Cells, count: number): number {
  const step = size + gap;
  const column = Math.min(columns - 1, Math.max(0, Math.floor(x / step)));
  const row = Math.max(0, Math.floor(y / step));
  return Math.max(0, Math.min(count - 1, row * columns + column));
}
