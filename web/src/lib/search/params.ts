// What the server is asked for a search: an album's title becomes its id, and words one text.
import type { Album } from '../api/types';
import type { Search } from './query';

/** What the API is asked for. */
export interface SearchParams {
  text?: string;
  from?: string;
  to?: string;
  kind?: string;
  camera?: string;
  album?: string;
  favourite?: string;
  located?: string;
  near?: string;
  within_km?: number;
}

/** The album that an id or a title means, in any case of letters. */
export function albumNamed(wanted: string, albums: readonly Album[]): Album | undefined {
  const plain = (title: string) => title.normalize('NFC').toLowerCase().split(/\s+/).join(' ').trim();
  return albums.find(({ id }) => id === wanted) ?? albums.find(({ title }) => plain(title) === plain(wanted));
}

/** How a search names an album: by its title, unless that has a quotation mark or belongs to several. */
export function nameOf(album: Album, albums: readonly Album[]): string {
  const title = album.title.split(/\s+/).join(' ').trim();
  return !title.includes('"') && albumNamed(title, albums)?.id === album.id ? title : album.id;
}

/** The query of a search. `album` is the one that it names, found by {@link albumNamed}. */
export function paramsOf(search: Search, album: Album | undefined): SearchParams {
  const params: SearchParams = {};
  if (search.words.length > 0) params.text = search.words.join(' ');
  if (search.from !== undefined) params.from = search.from;
  if (search.to !== undefined) params.to = search.to;
  if (search.kind !== undefined) params.kind = search.kind;
  if (search.camera !== undefined) params.camera = search.camera;
  if (album) params.album = album.id;
  if (search.favourite) params.favourite = 'true';
  if (search.located) params.located = 'true';
  if (search.near) params.near = `${search.near.latitude},${search.near.longitude}`;
  if (search.near && search.withinKm !== undefined) params.within_km = search.withinKm;
  return params;
}
