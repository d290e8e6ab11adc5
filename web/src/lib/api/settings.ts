// The requests of the settings, apart from the others because few visits need them.
import { call } from './client';
import type { Account, AccountChange, ApiKeyMade, ApiKeyRequest, ApiKeys, Deletion, Sessions } from './types';

const id = encodeURIComponent;

export const settingsApi = {
  change: (body: AccountChange) => call<Account>('PATCH', '/api/account', { body }),
  changePassword: (body: { current: string; new: string }) => call<void>('POST', '/api/account/password', { body }),
  askDeletion: (password: string) => call<Deletion>('POST', '/api/account/deletion', { body: { password } }),
  takeDeletionBack: () => call<void>('DELETE', '/api/account/deletion'),
  sessions: () => call<Sessions>('GET', '/api/sessions'),
  endSession: (session: string) => call<void>('DELETE', `/api/sessions/${id(session)}`),
  endAllSessions: () => call<void>('DELETE', '/api/sessions'),
  keys: () => call<ApiKeys>('GET', '/api/keys'),
  makeKey: (body: ApiKeyRequest) => call<ApiKeyMade>('POST', '/api/keys', { body }),
  revokeKey: (key: string) => call<void>('DELETE', `/api/keys/${id(key)}`),
};
