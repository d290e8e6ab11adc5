// Short messages at the page's edge: what was done, and what went wrong.
import { explain, type Explanation } from './explain';

export interface Notice extends Explanation {
  id: number;
  kind: 'done' | 'error';
}

const SHOWN_MS = 6_000;
const ERROR_SHOWN_MS = 15_000;
const MOST = 4;

class Notices {
  list = $state.raw<Notice[]>([]);
  #last = 0;

  say(title: string, detail?: string): void {
    this.#add({ kind: 'done', title, ...(detail ? { detail } : {}) }, SHOWN_MS);
  }

  fail(error: unknown): void {
    this.#add({ kind: 'error', ...explain(error) }, ERROR_SHOWN_MS);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  #add(notice: Omit<Notice, 'id'>, shown: number): void {
    const same = this.list.some((one) => one.title === notice.title && one.detail === notice.detail);
    if (same) return;
    const id = ++this.#last;
    this.list = [...this.list.slice(1 - MOST), { ...notice, id }];
    setTimeout(() => this.dismiss(id), shown);
  }
}

export const notices = new Notices();
