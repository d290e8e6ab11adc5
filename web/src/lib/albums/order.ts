// How the page of albums is sorted and searched. Pure, so that tests can name the language.
import type { Album } from '../api/types';

export const SORTS = ['newest', 'oldest', 'title', 'largest'] as const;
export type Sort = (typeof SORTS)[number];

export const isSort = (text: string | undefined): text is Sort => SORTS.some((sort) => sort === text);

/** Those whose title has all the words, however they are written, in that order; equal ones newest first. */
export function arrange(albums: readonly Album[], sort: Sort, words: string, language: string): Album[] {
  const collator = new Intl.Collator(language, { numeric: true, sensitivity: 'base' });
  const wanted = plain(words).split(/\s+/).filter(Boolean);
  const newest = (a: Album, b: Album) => (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : 0);
  const by: Record<Sort, (a: Album, b: Album) => number> = {
    newest,
    oldest: (a, b) => newest(b, a),
    title: (a, b) => collator.compare(a.title, b.title) || newest(a, b),
    largest: (a, b) => b.count - a.count || newest(a, b),
  };
  return albums.filter(({ title }) => wanted.every((word) => plain(title).includes(word))).toSorted(by[sort]);
}

/** Without case and accents, and with Hangul in one form. */
function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').normalize('NFC').toLowerCase();
}
