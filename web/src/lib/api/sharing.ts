// The requests of sharing: of those who share, and of those who were given a link. Apart from the others because few visits need them.
import { call } from './client';
import type {
  AlbumMembers,
  AlbumRole,
  AssetColumns,
  SharedAsset,
  ShareLink,
  ShareLinkEdit,
  ShareLinkRequest,
  ShareLinks,
  ShareOpened,
} from './types';

const id = encodeURIComponent;

export const sharingApi = {
  members: (album: string) => call<AlbumMembers>('GET', `/api/albums/${id(album)}/members`),
  addMember: (album: string, email: string, role: AlbumRole) =>
    call<AlbumMembers>('POST', `/api/albums/${id(album)}/members`, { body: { email, role } }),
  changeMember: (album: string, account: string, role: AlbumRole) =>
    call<AlbumMembers>('PATCH', `/api/albums/${id(album)}/members/${id(account)}`, { body: { role } }),
  removeMember: (album: string, account: string) => call<void>('DELETE', `/api/albums/${id(album)}/members/${id(account)}`),
  links: (album?: string) => call<ShareLinks>('GET', '/api/share-links', { query: { album } }),
  makeLink: (body: ShareLinkRequest) => call<ShareLink>('POST', '/api/share-links', { body }),
  changeLink: (link: string, body: ShareLinkEdit) => call<ShareLink>('PATCH', `/api/share-links/${id(link)}`, { body }),
  revokeLink: (link: string) => call<void>('DELETE', `/api/share-links/${id(link)}`),
};

/** For whoever has a link, with or without an account: what it shows is asked for by the right that opening it gave. */
export const visitingApi = {
  open: (token: string, password?: string) =>
    call<ShareOpened>('POST', '/api/share/open', { body: { token, ...(password ? { password } : {}) }, anonymous: true }),
  assets: (right: string, query: { cursor?: string; limit?: number }) =>
    call<AssetColumns>('GET', '/api/share/assets', { query, bearer: right }),
  asset: (right: string, asset: string, signal?: AbortSignal) =>
    call<SharedAsset>('GET', `/api/share/assets/${id(asset)}`, { bearer: right, ...(signal ? { signal } : {}) }),
};
