// Addresses of searches, for whoever links to one.
import { hrefOf } from '../router.svelte';
import { searchNear } from './query';

/** "Photos near here". */
export function nearHref(place: { latitude: number; longitude: number }): string {
  return hrefOf({ page: 'search', query: searchNear(place) });
}
