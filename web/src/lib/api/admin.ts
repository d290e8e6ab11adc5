// The requests of the administration, apart from the others because few visits need them.
import { call } from './client';
import type { AdminAccount, AdminAccountRequest, AdminAccounts, Deletion, InvitationMade, InvitationRequest, Invitations } from './types';

const id = encodeURIComponent;

export const adminApi = {
  accounts: () => call<AdminAccounts>('GET', '/api/admin/accounts'),
  changeAccount: (account: string, body: AdminAccountRequest) =>
    call<AdminAccount>('PATCH', `/api/admin/accounts/${id(account)}`, { body }),
  passwordLink: (account: string) => call<InvitationMade>('POST', `/api/admin/accounts/${id(account)}/password-link`),
  askDeletion: (account: string) => call<Deletion>('POST', `/api/admin/accounts/${id(account)}/deletion`),
  takeDeletionBack: (account: string) => call<void>('DELETE', `/api/admin/accounts/${id(account)}/deletion`),
  invitations: () => call<Invitations>('GET', '/api/admin/invitations'),
  invite: (body: InvitationRequest) => call<InvitationMade>('POST', '/api/admin/invitations', { body }),
  withdraw: (invitation: string) => call<void>('DELETE', `/api/admin/invitations/${id(invitation)}`),
};
