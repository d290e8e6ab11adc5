// What each role of an album lets one do. The server has the last word; this knows what to offer.
import type { AlbumRole } from '../api/types';

/** Whether one may add assets of one's own. */
export const contributes = (role: AlbumRole): boolean => role !== 'viewer';

/** Whether one may change all of it, and with whom it is shared. */
export const manages = (role: AlbumRole): boolean => role === 'manager' || role === 'owner';

/** Whether one may take an asset out of it, one's own or somebody else's. */
export const mayTakeOut = (role: AlbumRole, own: boolean): boolean => manages(role) || (own && contributes(role));

/** Whether one may change what somebody of that role may do, or take them out; and give them that role. */
export const mayGive = (role: AlbumRole, given: AlbumRole): boolean => role === 'owner' || (role === 'manager' && !manages(given));
