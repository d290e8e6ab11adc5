// Short messages at the page's edge: what was done, and what went wrong.
import { explain, type Explanation } from './explain';

export interface Notice extends Explanation {
  id: number;
  kind: 'done' | 'error';
  /** What can still be done about it, as long as it is shown. */
  action?: Action | undefined;
}

export interface Action {
  label: string;
  run: () => void;
}

const SHOWN_MS = 6_000;
const ACTION_SHOWN_MS = 12_000;
const ERROR_SHOWN_MS = 15_000;
const MOST = 4;

class Notices {
  list = $state.raw<Notice[]>([]);
  #last = 0;

  say(title: string, detail?: string, action?: Action): void {
    this.#add({ kind: 'done', title, action, ...(detail ? { detail } : {}) }, action ? ACTION_SHOWN_MS : SHOWN_MS);
  }

  fail(error: unknown): void {
    this.#add({ kind: 'error', ...explain(error) }, ERROR_SHOWN_MS);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  #add(notice: Omit<Notice, 'id'>, shown: number): void {
    const id = ++this.#last;
    // Said again, it takes the place of the one before, whose action was about something else.
    const others = this.list.filter((one) => one.title !== notice.title || one.detail !== notice.detail);
    this.list = [...others.slice(1 - MOST), { ...notice, id }];
    setTimeout(() => this.dismiss(id), shown);
  }
}

export const notices = new Notices();
