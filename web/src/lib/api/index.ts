// The API's requests by name. Paths are written here and nowhere else.
import { call, callForAnswer, type Answer } from './client';
import type {
  Account,
  Album,
  Albums,
  Asset,
  AssetColumns,
  AssetEdit,
  Completed,
  CompletionAnswers,
  InvitationAcceptance,
  InvitationLook,
  InvitationToken,
  ItemResults,
  JobsRetried,
  PartHash,
  PartTargets,
  SearchResults,
  SearchSuggestions,
  Session,
  Setup,
  SetupRequest,
  SignInRequest,
  System,
  TimelineCounts,
  TrashEmptied,
  TrashSummary,
  Upload,
  UploadAnswer,
  UploadAnswers,
  UploadRequest,
} from './types';

const id = encodeURIComponent;

type PageQuery = { cursor?: string; limit?: number };

export const api = {
  setup: () => call<Setup>('GET', '/api/setup'),
  setUp: (body: SetupRequest) => callForAnswer<Session>('POST', '/api/setup', { body, anonymous: true }),
  lookAtInvitation: (body: InvitationToken) =>
    call<InvitationLook>('POST', '/api/invitations/look', { body, anonymous: true }),
  acceptInvitation: (body: InvitationAcceptance) =>
    callForAnswer<Session>('POST', '/api/invitations/accept', { body, anonymous: true }),
  signIn: (body: SignInRequest) => callForAnswer<Session>('POST', '/api/session', { body, anonymous: true }),
  renew: (): Promise<Answer<Session>> =>
    callForAnswer<Session>('POST', '/api/session/refresh', { body: {}, anonymous: true }),
  signOut: () => call<void>('DELETE', '/api/session', { anonymous: true }),
  account: () => call<Account>('GET', '/api/account'),

  timeline: () => call<TimelineCounts>('GET', '/api/timeline'),
  timelineAssets: (query: { newest?: string; oldest?: string; cursor?: string; limit?: number }, signal: AbortSignal) =>
    call<AssetColumns>('GET', '/api/timeline/assets', { query, signal }),
  asset: (asset: string, signal?: AbortSignal) =>
    call<Asset>('GET', `/api/assets/${id(asset)}`, signal ? { signal } : {}),
  assetEdit: (asset: string, body: AssetEdit) => call<Asset>('PATCH', `/api/assets/${id(asset)}`, { body }),
  assetsFavourite: (assets: string[], favourite: boolean) =>
    call<ItemResults>('POST', '/api/assets/favourite', { body: { assets, favourite } }),
  assetsTrash: (assets: string[]) => call<ItemResults>('POST', '/api/assets/trash', { body: { assets } }),
  assetsRestore: (assets: string[]) => call<ItemResults>('POST', '/api/assets/restore', { body: { assets } }),
  assetsDelete: (assets: string[]) => call<ItemResults>('POST', '/api/assets/delete', { body: { assets } }),
  favourites: (query: PageQuery = {}) => call<AssetColumns>('GET', '/api/favourites', { query }),
  trash: (query: PageQuery = {}) => call<AssetColumns>('GET', '/api/trash', { query }),
  trashSummary: () => call<TrashSummary>('GET', '/api/trash/summary'),
  trashEmpty: () => call<TrashEmptied>('DELETE', '/api/trash'),

  search: (query: Record<string, string | number | undefined>, signal: AbortSignal) =>
    call<SearchResults>('GET', '/api/search', { query, signal }),
  searchSuggestions: () => call<SearchSuggestions>('GET', '/api/search/suggestions'),

  albums: (query: PageQuery = {}) => call<Albums>('GET', '/api/albums', { query }),
  albumCreate: (title: string) => call<Album>('POST', '/api/albums', { body: { title } }),
  album: (album: string) => call<Album>('GET', `/api/albums/${id(album)}`),
  albumRename: (album: string, title: string) =>
    call<Album>('PATCH', `/api/albums/${id(album)}`, { body: { title } }),
  albumCover: (album: string, cover: string | null) =>
    call<Album>('PATCH', `/api/albums/${id(album)}`, { body: { cover } }),
  albumOrder: (album: string, assets: string[], before: string | undefined) =>
    call<ItemResults>('POST', `/api/albums/${id(album)}/order`, { body: { assets, ...(before ? { before } : {}) } }),
  albumDelete: (album: string) => call<void>('DELETE', `/api/albums/${id(album)}`),
  albumAssets: (album: string, query: PageQuery = {}) =>
    call<AssetColumns>('GET', `/api/albums/${id(album)}/assets`, { query }),
  albumAdd: (album: string, assets: string[]) =>
    call<ItemResults>('POST', `/api/albums/${id(album)}/assets`, { body: { assets } }),
  albumRemove: (album: string, assets: string[]) =>
    call<ItemResults>('POST', `/api/albums/${id(album)}/assets/remove`, { body: { assets } }),

  uploadStart: (body: UploadRequest, signal: AbortSignal) =>
    call<UploadAnswer>('POST', '/api/uploads', { body, signal }),
  uploadStartMany: (files: UploadRequest[], signal: AbortSignal) =>
    call<UploadAnswers>('POST', '/api/uploads/many', { body: { files }, signal }),
  uploadCompleteMany: (uploads: string[], signal: AbortSignal) =>
    call<CompletionAnswers>('POST', '/api/uploads/complete', { body: { uploads }, signal }),
  upload: (upload: string, signal: AbortSignal) => call<Upload>('GET', `/api/uploads/${id(upload)}`, { signal }),
  uploadParts: (upload: string, parts: PartHash[], signal: AbortSignal) =>
    call<PartTargets>('POST', `/api/uploads/${id(upload)}/parts`, { body: { parts }, signal }),
  uploadComplete: (upload: string, signal: AbortSignal) =>
    call<Completed>('POST', `/api/uploads/${id(upload)}/complete`, { signal }),
  uploadCancel: (upload: string) => call<void>('DELETE', `/api/uploads/${id(upload)}`),

  system: (signal: AbortSignal) => call<System>('GET', '/api/admin/system', { signal }),
  /** All that were given up, without a list. */
  jobsRetry: (jobs?: string[]) => call<JobsRetried>('POST', '/api/admin/system/jobs/retry', { body: jobs ? { jobs } : {} }),
};

/** Where an asset's renditions are; the session's media cookies open them. */
export function renditionPath(owner: string, asset: string, rendition: 'thumbnail' | 'preview', version: number): string {
  const extension = rendition === 'thumbnail' ? 'webp' : 'jpg';
  return `/media/${owner}/${asset}/view/${rendition}.${version}.${extension}`;
}

export { ConnectionLost, isProblem, isReadOnly, isStatus, isStoreAway, ProblemError, setHooks } from './client';
