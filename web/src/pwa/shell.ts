// The page's side of the shell: has it kept on this device, and notices when the server has a newer page than the one that is open.
// Without a secure context (plain http at home) there is no service worker; then only the second half works, and that is fine.
import { connection } from '../lib/connection.svelte';

const WORKER = '/sw.js';
const PAGE = '/index.html';
const ENTRY = /<script type="module"[^>]* src="(\/assets\/[\w-]+\.js)"/;
/** A page that is left open asks this often at most, when somebody looks at it again. */
const ASK_AGAIN_MS = 60 * 60 * 1000;

/** Keeps the shell, and calls `newer` when a reload would bring a newer page. Called once. */
export function keepShell(newer: () => void): void {
  if (!import.meta.env.PROD) return;
  const look = () => void isNewer().then((is) => is && whenSeen(newer));
  connection.whenBack(look);
  // A part of this page is not on the server any more, or the server is away, which is told elsewhere.
  addEventListener('vite:preloadError', look);
  if (!('serviceWorker' in navigator)) return;
  navigator.serviceWorker.addEventListener('controllerchange', look);
  const begin = () => void register(newer);
  // The first load comes first.
  if (document.readyState === 'complete') begin();
  else addEventListener('load', begin, { once: true });
}

async function register(newer: () => void): Promise<void> {
  try {
    const registration = await navigator.serviceWorker.register(WORKER, { updateViaCache: 'none' });
    follow(registration, newer);
    keepAsking(registration);
  } catch {
    // Forbidden by the browser's settings, or the server is away: the page works without, and the next visit tries again.
  }
}

function follow(registration: ServiceWorkerRegistration, newer: () => void): void {
  const ready = async (worker: ServiceWorker) => {
    // Nobody is served by an older one: nothing to take over.
    if (!registration.active) return;
    if (await isNewer()) whenSeen(newer);
    else worker.postMessage('take over');
  };
  let watched: ServiceWorker | undefined;
  const watch = (worker: ServiceWorker | null) => {
    if (!worker || worker === watched) return;
    watched = worker;
    worker.addEventListener('statechange', () => {
      if (worker.state === 'installed') void ready(worker);
    });
  };
  if (registration.waiting) void ready(registration.waiting);
  // Another tab may have found it, and it is still on its way.
  watch(registration.installing);
  registration.addEventListener('updatefound', () => watch(registration.installing));
}

function keepAsking(registration: ServiceWorkerRegistration): void {
  let asked = Date.now();
  const ask = () => {
    asked = Date.now();
    registration.update().catch(() => undefined);
  };
  connection.whenBack(ask);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && Date.now() - asked > ASK_AGAIN_MS) ask();
  });
}

/** What is said to a tab in the background, nobody reads in time. */
function whenSeen(say: () => void): void {
  if (document.hidden) document.addEventListener('visibilitychange', () => whenSeen(say), { once: true });
  else say();
}

/** Whether the server's page begins with another script than this one; not known (or no page of ours at all) is no. */
async function isNewer(): Promise<boolean> {
  const own = document.querySelector('script[type=module]')?.getAttribute('src');
  try {
    const answer = await fetch(PAGE, { cache: 'no-cache' });
    const newest = answer.ok ? ENTRY.exec(await answer.text())?.[1] : undefined;
    return newest !== undefined && newest !== own;
  } catch {
    return false;
  }
}
