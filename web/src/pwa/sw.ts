// The shell on this device: the files of one build, kept so that the page opens while the server is away. It answers for those
// files and for the page itself and for nothing else: photos, and whatever the API says, never pass through here and are never kept.
export {};
declare const self: ServiceWorkerGlobalScope;

/** Both are written here by the build (`scripts/shell.ts`): every file of it, with the hash of its bytes. */
declare const SHELL_VERSION: string;
declare const SHELL_FILES: readonly (readonly [path: string, integrity: string])[];

const FAMILY = 'picup-shell-';
const NAME = FAMILY + SHELL_VERSION;
const PAGE = '/index.html';
/** After so long without an answer the kept page is shown; it says itself that the server is away, and goes on when it is back. */
const PATIENCE_MS = 4_000;

/** Where the system sends what other apps share with the installed page (`share_target` of the manifest). */
const SHARE = '/share';
/** Never written anywhere: held for the moment until the page, which opens by this very request, asks for it. */
const shared: File[] = [];

const files = new Set(SHELL_FILES.map(([path]) => path));

self.addEventListener('install', (event) => event.waitUntil(keepAll()));
self.addEventListener('activate', (event) => event.waitUntil(dropOthers()));
self.addEventListener('message', (event) => {
  if (event.data === 'take over') void self.skipWaiting();
  if (event.data === 'shared') event.ports[0]?.postMessage(shared.splice(0));
});
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin) return;
  if (request.method === 'POST' && pathname === SHARE) return event.respondWith(receive(request));
  if (request.method !== 'GET') return;
  if (request.mode === 'navigate') {
    if (isPage(pathname)) event.respondWith(page(request));
  } else if (files.has(pathname) && pathname !== PAGE) {
    event.respondWith(file(request, pathname));
  }
});

/** All or nothing: a file that is not of this build (the server changed meanwhile) fails its hash, and the next visit tries again. */
async function keepAll(): Promise<void> {
  const cache = await caches.open(NAME);
  try {
    await Promise.all(SHELL_FILES.map(([path, integrity]) => keep(cache, path, integrity)));
  } catch (error) {
    await caches.delete(NAME);
    throw error;
  }
}

async function keep(cache: Cache, path: string, integrity: string): Promise<void> {
  // What has a hash in its name the page has just fetched; the rest is asked for anew.
  const answer = await fetch(path, { integrity, cache: path.startsWith('/assets/') ? 'default' : 'no-cache' });
  if (!answer.ok) throw new TypeError(`${path}: ${answer.status}`);
  await cache.put(path, answer);
}

async function dropOthers(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(FAMILY) && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** As the gateway has it: an address without a file of its own is the page. */
function isPage(path: string): boolean {
  const elsewhere = /^\/(api|media|assets|\.well-known|live|ready)(\/|$)/.test(path);
  return path === PAGE || (!elsewhere && !path.slice(path.lastIndexOf('/')).includes('.'));
}

/** The server's own page if it answers, so that nobody stays on an old one; else the one that is kept. */
async function page(request: Request): Promise<Response> {
  const kept = await caches.open(NAME).then((cache) => cache.match(PAGE));
  if (!kept) return await fetch(request);
  const patience = new Promise<Response>((resolve) => setTimeout(resolve, PATIENCE_MS, kept));
  const answer = fetch(request).then(
    (response) => (response.status < 500 ? response : kept),
    () => kept,
  );
  return await Promise.race([answer, patience]);
}

async function file(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(NAME);
  return (await cache.match(path)) ?? (await fetch(request));
}

async function receive(request: Request): Promise<Response> {
  const form = await request.formData();
  shared.splice(0, shared.length, ...form.getAll('files').filter((one) => one instanceof File));
  return Response.redirect('/?shared', 303);
}
