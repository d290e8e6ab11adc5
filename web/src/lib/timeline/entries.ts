// One asset as the grid and the viewer know it, read from the columns the API sends.
import type { Asset, AssetColumns, AssetKind, AssetState } from '../api/types';
import { Rights, type Queries } from '../lists/rights.svelte';

/** What the viewer knows of an asset. Of one that is seen by a share link the server tells less than of one's own. */
export type Viewed = Pick<Asset, 'id' | 'owner' | 'kind' | 'state' | 'favourite'> &
  Partial<Pick<Asset, 'file_name' | 'width' | 'height' | 'duration_ms' | 'placeholder' | 'description' | 'reason' | 'motion' | 'trashed_at'>> & {
    captured: Pick<Asset['captured'], 'local'>;
    media: Partial<Asset['media']>;
  };

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
  /** Whose it is, where not all are of one person. */
  owner?: string | undefined;
  /** What opens its media, when it is somebody else's. */
  rights?: Rights | undefined;
}

/** Whether it is of that person, who sees it. */
export const isOf = (entry: Pick<Entry, 'owner'>, account: string): boolean => (entry.owner ?? account) === account;

/** `rights` open the media of those that are somebody else's. */
export function entriesOf(columns: AssetColumns, rights?: Rights): Entry[] {
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
    owner: columns.owner?.[index],
    rights: columns.right?.[index] == null ? undefined : rights,
  }));
}

/** What opens the media of a page's assets; empty when cookies do. */
export function queriesOf(columns: AssetColumns): Queries {
  const { id, right } = columns;
  return new Map(id.flatMap((one, index) => (right?.[index] == null ? [] : [[one, right[index]]])));
}

/** The same from an asset's details, for one that was opened by its address. What opens it is asked for anew by `ask`. */
export function entryOfAsset(asset: Viewed, ask: () => Promise<Viewed | undefined> = async () => undefined): Entry {
  const picture = asset.media.preview ?? asset.media.thumbnail ?? '';
  const version = /\.(\d+)\.\w+(?:\?|$)/.exec(picture)?.[1];
  const queries = (one: Viewed | undefined): Queries => {
    const [, query] = (one?.media.preview ?? one?.media.thumbnail ?? '').split('?');
    return new Map(query === undefined ? [] : [[asset.id, query]]);
  };
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
    owner: asset.owner,
    rights: picture.includes('?') ? new Rights(queries(asset), Date.now(), async () => queries(await ask())) : undefined,
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
  loadAround(asset: Viewed): Promise<void>;
  /** All ids from one to the other, in order, both included. */
  between(first: string, last: string, work?: Work): Promise<string[]>;
  /** All ids, or those of one day, in order. */
  all(work: Work, day?: string): Promise<string[]>;
  /** The first (1) or last (-1) of all, or of one day, loaded if need be. */
  end(side: 1 | -1, day?: string): Promise<Entry | undefined>;
}
