import { afterEach, describe, expect, it, vi } from 'vitest';
import { call, ProblemError, setHooks } from './client';

function answers(...replies: { status: number; body: unknown }[]) {
  const fetched = vi.fn(async () => {
    const reply = replies.shift();
    return new Response(JSON.stringify(reply?.body), { status: reply?.status ?? 500 });
  });
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

function renewing() {
  const renew = vi.fn(async () => true);
  setHooks({ renew, lost: () => undefined, reachable: async () => undefined });
  return renew;
}

describe('a request that is refused with 401', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is sent again once the session was renewed', async () => {
    const [renew, fetched] = [renewing(), answers({ status: 401, body: { type: 'urn:picup:not-signed-in' } }, { status: 200, body: 7 })];
    expect(await call('POST', '/api/albums')).toBe(7);
    expect([renew.mock.calls.length, fetched.mock.calls.length]).toEqual([1, 2]);
  });

  it('leaves the session alone when it shows a right of its own', async () => {
    const [renew, fetched] = [renewing(), answers({ status: 401, body: { type: 'urn:picup:not-signed-in' } })];
    await expect(call('GET', '/api/share/assets', { bearer: 'right' })).rejects.toThrow(ProblemError);
    expect([renew.mock.calls.length, fetched.mock.calls.length]).toEqual([0, 1]);
    const sent = expect.objectContaining({ credentials: 'omit', headers: expect.objectContaining({ Authorization: 'Bearer right' }) });
    expect(fetched).toHaveBeenCalledWith('/api/share/assets', sent);
  });

  it('leaves the session alone when a password in it was wrong', async () => {
    const [renew, fetched] = [renewing(), answers({ status: 401, body: { type: 'urn:picup:wrong-credentials' } })];
    await expect(call('POST', '/api/account/password')).rejects.toThrow(ProblemError);
    expect([renew.mock.calls.length, fetched.mock.calls.length]).toEqual([0, 1]);
  });
});
