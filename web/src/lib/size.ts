// Sizes as people type them: `50 GB`, `1.5tb`, `800 MB`, in decimal units as disks are sold.
const POWERS: Record<string, number> = { '': 0, B: 0, KB: 1, MB: 2, GB: 3, TB: 4, PB: 5 };

/** The bytes meant; null for nothing typed, undefined for what is no size. */
export function parseSize(text: string): number | null | undefined {
  const typed = text.trim();
  if (typed === '') return null;
  const found = /^(\d+(?:[.,]\d+)?)\s*([kmgtp]?b?)$/i.exec(typed);
  if (!found) return undefined;
  const unit = (found[2] ?? '').toUpperCase();
  const power = POWERS[unit.length === 1 && unit !== 'B' ? `${unit}B` : unit];
  const bytes = Math.round(Number((found[1] ?? '').replace(',', '.')) * 1000 ** (power ?? 0));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A size as it would be typed: the inverse of {@link parseSize}. */
export function writeSize(bytes: number | null | undefined): string {
  if (bytes == null) return '';
  for (const unit of ['PB', 'TB', 'GB', 'MB', 'KB'] as const) {
    const amount = bytes / 1000 ** (POWERS[unit] ?? 0);
    if (amount >= 1 && Number.isInteger(amount * 1000)) return `${amount} ${unit}`;
  }
  return `${bytes} B`;
}
