// One asset as the grid and the viewer know it, read from the columns the API sends.
import type { Asset, AssetColumns, AssetKind, AssetState } from '../api/types';

export interface Entry {
  id: string;
  day: string;
  kind: AssetKind;
  state: AssetState;
  ratio: number;
  placeholder: string | undefined;
  durationMs: number | undefined;
  /** The version of the renditions; 0 while there are none. */
  version: number;
  favourite: boolean;
  /** A live photo: it has a moving part. */
  motion: boolean;
  /** In the trash: the days until it is deleted for ever. */
  daysLeft?: number | undefined;
}

export function entriesOf(columns: AssetColumns): Entry[] {
  return columns.id.map((id, index) => ({
    id,
    day: columns.day[index] ?? '',
    kind: columns.kind[index] ?? 'other',
    state: columns.state[index] ?? 'processing',
    ratio: columns.ratio[index] ?? 1,
    placeholder: columns.placeholder[index] ?? undefined,
    durationMs: columns.duration_ms[index] ?? undefined,
    version: columns.version[index] ?? 0,
    favourite: columns.favourite[index] ?? false,
    motion: columns.motion[index] ?? false,
    daysLeft: columns.days_left?.[index],
  }));
}

/** The same from an asset's details, for one that was opened by its address. */
export function entryOfAsset(asset: Asset): Entry {
  const version = /\.(\d+)\.\w+$/.exec(asset.media.preview ?? asset.media.thumbnail ?? '')?.[1];
  return {
    id: asset.id,
    day: asset.captured.local.slice(0, 10),
    kind: asset.kind,
    state: asset.state,
    ratio: asset.width && asset.height ? asset.width / asset.height : 1,
    placeholder: asset.placeholder ?? undefined,
    durationMs: asset.duration_ms ?? undefined,
    version: Number(version ?? 0),
    favourite: asset.favourite,
    motion: asset.motion != null,
  };
}

/** Something that may take long: it tells how far it is, and can be given up. */
export interface Work {
  signal: AbortSignal;
  progress(done: number, of: number): void;
}

/** An order of assets that the viewer can walk and the selection can span. */
export interface Sequence {
  /** The entry, if it has been loaded. */
  find(id: string): Entry | undefined;
  /** The one before (-1) or after (1), loaded if need be. */
  neighbour(id: string, step: 1 | -1): Promise<Entry | undefined>;
  /** Loads what stands around an asset that was opened by its address. */
  loadAround(asset: Asset): Promise<void>;
  /** All ids from one to the other, in order, both included. */
  between(first: string, last: string, work?: Work): Promise<string[]>;
  /** All ids, or those of one day, in order. */
  all(work: Work, day?: string): Promise<string[]>;
  /** The first (1) or last (-1) of all, or of one day, loaded if need be. */
  end(side: 1 | -1, day?: string): Promise<Entry | undefined>;
}
