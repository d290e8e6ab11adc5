// Files that another app has shared with the installed page. The service worker holds them only until the page asks, and the page until
// somebody is signed in and says yes: any site could send files this way, so that nothing goes on by itself.

import { t } from '../lib/i18n/i18n.svelte';
import { notices } from '../lib/notices.svelte';

/** The worker leads here, at once, when it has received some. */
const MARK = '?shared';

class Shared {
  /** What waits for an answer. */
  files = $state.raw<File[]>([]);

  /** Takes over what the worker holds, if this page was opened for it. Called once. */
  async take(): Promise<void> {
    const worker = globalThis.navigator?.serviceWorker?.controller;
    if (location.search !== MARK) return;
    history.replaceState(null, '', location.pathname + location.hash);
    if (worker) this.files = await ask(worker);
    // The system had stopped the worker meanwhile, or there is none yet.
    if (this.files.length === 0) notices.say(t('share.lost'));
  }

  /** Gives them away. */
  release(): DataTransfer {
    const transfer = new DataTransfer();
    for (const file of this.files) transfer.items.add(file);
    this.files = [];
    return transfer;
  }
}

function ask(worker: ServiceWorker): Promise<File[]> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = (event: MessageEvent<File[]>) => {
      port1.close();
      resolve(event.data);
    };
    worker.postMessage('shared', [port2]);
  });
}

export const shared = new Shared();
