import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const ADA = { id: 'ada', name: 'Ada', email: 'ada@example.org', role: 'member', used_bytes: 0, reserved_bytes: 0 };
const NOTE = 'picup.session';

/** What the server answers next, by path; a number is a status, and what happens meanwhile may be a function that gives it. */
let answers: Record<string, unknown[]>;
let asked: string[];
let storage: Map<string, string>;
/** As another tab's writing is told to this one. */
let heard: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetModules();
  answers = {};
  asked = [];
  storage = new Map([[NOTE, JSON.stringify({ renewAt: Date.now() + 60_000, account: 'ada' })]]);
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => storage.get(key) ?? null,
    setItem: (key: string, value: string) => void storage.set(key, value),
    removeItem: (key: string) => void storage.delete(key),
  });
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('document', { addEventListener: () => undefined, hidden: false });
  vi.stubGlobal('window', { addEventListener: (_: string, hear: () => void) => (heard = hear) });
  vi.stubGlobal('fetch', async (address: string) => {
    asked.push(address);
    const told = answers[address]?.shift() ?? 500;
    const next = typeof told === 'function' ? told() : told;
    if (next === 'lost') throw new TypeError('no network');
    if (next === 'read-only') return readOnlyAnswer();
    const [status, body] = typeof next === 'number' ? [next, { type: 'x', title: 'no', detail: '', status: next }] : [200, next];
    return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function endsIn(ms: number) {
  const end = new Date(Date.now() + ms).toISOString();
  return { expires_at: end, media_expires_at: end };
}

function readOnlyAnswer(): Response {
  return new Response(JSON.stringify({ type: 'urn:picup:read-only', title: 'no', detail: '', status: 503 }), { status: 503 });
}

async function started() {
  const { session } = await import('./session.svelte');
  session.listen();
  answers['/api/account'] = [ADA];
  await session.start();
  expect([session.phase, session.account?.id]).toEqual(['in', 'ada']);
  return session;
}

test('a server in trouble signs nobody out', async () => {
  const { session } = await import('./session.svelte');
  for (const trouble of [500, 503, 429]) {
    answers['/api/account'] = [trouble];
    await expect(session.start()).rejects.toMatchObject({ status: trouble });
    expect(storage.has(NOTE), `${trouble}`).toBe(true);
  }
  answers['/api/account'] = [401];
  answers['/api/setup'] = [{ open: false }];
  await session.start();
  expect([session.phase, storage.has(NOTE)]).toEqual(['out', false]);
});

test('while nothing can be written, a page opens with the old session and renews it later', async () => {
  storage.set(NOTE, JSON.stringify({ renewAt: Date.now() - 1, account: 'ada' }));
  answers['/api/session/refresh'] = ['read-only', 500, { account: ADA, ...endsIn(60_000) }];
  const starting = started();
  await vi.advanceTimersByTimeAsync(1_000);
  const session = await starting;
  await vi.advanceTimersByTimeAsync(11_000);
  expect(asked.filter((path) => path === '/api/session/refresh')).toHaveLength(3);
  expect(JSON.parse(storage.get(NOTE) ?? '').renewAt).toBeGreaterThan(Date.now());
  expect(session.phase).toBe('in');
});

test('another tab’s sign-in is followed, however often it takes', async () => {
  const session = await started();
  storage.set(NOTE, JSON.stringify({ renewAt: Date.now() + 60_000, account: 'bob' }));
  answers['/api/account'] = [503, 503, { ...ADA, id: 'bob' }];
  heard();
  expect([session.phase, session.account]).toEqual(['starting', undefined]);
  await vi.advanceTimersByTimeAsync(11_000);
  expect([session.phase, session.account?.id]).toEqual(['in', 'bob']);
});

test('an answer about one account says nothing of the next', async () => {
  const session = await started();
  answers['/api/account'] = [{ ...ADA, used_bytes: 7 }];
  await session.refreshAccount();
  expect(session.account?.used_bytes).toBe(7);
  answers['/api/account'] = [{ ...ADA, id: 'bob' }];
  await session.refreshAccount();
  expect(session.account?.id).toBe('ada');
});

test('while the server is away, signing out ends nothing', async () => {
  const session = await started();
  const forgotten = vi.fn(async () => undefined);
  session.whenForgotten(forgotten);
  const { connection } = await import('../connection.svelte');
  connection.report();
  await expect(session.signOut()).rejects.toThrow('connection lost');
  expect(forgotten).not.toHaveBeenCalled();
  expect(session.phase).toBe('in');
});

test('what another tab did is followed and not written again, for it may have gone on since', async () => {
  const session = await started();
  const wrote = vi.spyOn(localStorage, 'setItem');
  const removed = vi.spyOn(localStorage, 'removeItem');
  storage.set(NOTE, 'out');
  heard();
  expect([session.phase, session.lost]).toEqual(['out', false]);
  expect([wrote.mock.calls, removed.mock.calls]).toEqual([[], []]);
});

test.each(['account', 'session/refresh'])('what %s is refused leaves the session that another tab began meanwhile', async (asks) => {
  const session = await started();
  const begun = JSON.stringify({ renewAt: Date.now() + 3_600_000, account: 'bob' });
  const refused = () => (storage.set(NOTE, begun), 401);
  answers = asks === 'account' ? { '/api/account': [refused] } : { '/api/session/refresh': [refused], '/api/account': [] };
  answers['/api/account']?.push({ ...ADA, id: 'bob' });
  await Promise.all([asks === 'account' ? session.start() : session.renew(), vi.advanceTimersByTimeAsync(1_000)]);
  expect([session.phase, session.account?.id, session.lost]).toEqual(['in', 'bob', false]);
  expect(storage.get(NOTE)).toBe(begun);
});
