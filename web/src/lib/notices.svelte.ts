// Short messages at the page's edge: what was done, what went wrong, and what is still going on.
import { explain, type Explanation } from './explain';

export interface Notice extends Explanation {
  id: number;
  kind: 'done' | 'error';
  /** What can still be done about it, as long as it is shown. */
  actions: readonly Action[];
}

export interface Action {
  label: string;
  run: () => void;
  /** The notice stays: the action only shows more of it, and stays where the focus comes back to. */
  stays?: boolean;
  /** What is said is lost with the notice, so it waits until somebody dismisses it. */
  waits?: boolean;
}

/** Work that takes a while. */
export class Running {
  over = $state(0);
  total = $state<number | undefined>(undefined);
  readonly id: number;
  readonly title: string;
  readonly cancel: () => void;

  constructor(id: number, title: string, cancel: () => void) {
    this.id = id;
    this.title = title;
    this.cancel = cancel;
  }
}

const SHOWN_MS = 6_000;
const ACTION_SHOWN_MS = 12_000;
const ERROR_SHOWN_MS = 15_000;
const MOST = 4;

const waits = ({ actions }: Pick<Notice, 'actions'>): boolean => actions.some((action) => action.waits);

class Notices {
  list = $state.raw<readonly Notice[]>([]);
  running = $state.raw<readonly Running[]>([]);
  #last = 0;
  #held = false;
  #timers = new Map<number, { timer: ReturnType<typeof setTimeout> | undefined; shown: number }>();

  /** Gives the notice's number, by which it can be dismissed. */
  say(title: string, detail?: string, ...actions: Action[]): number {
    const shown = actions.length > 0 ? ACTION_SHOWN_MS : SHOWN_MS;
    return this.#add({ kind: 'done', title, actions, ...(detail ? { detail } : {}) }, shown);
  }

  fail(error: unknown, ...actions: Action[]): number {
    return this.#add({ kind: 'error', ...explain(error), actions }, ERROR_SHOWN_MS);
  }

  /** What failed of many, and what can be done about it. */
  warn(explanation: Explanation, ...actions: Action[]): number {
    return this.#add({ kind: 'error', ...explanation, actions }, ERROR_SHOWN_MS);
  }

  begin(title: string, cancel: () => void): Running {
    const running = new Running(++this.#last, title, cancel);
    this.running = [...this.running, running];
    return running;
  }

  end(running: Running): void {
    this.running = this.running.filter((one) => one !== running);
  }

  dismiss(id: number): void {
    clearTimeout(this.#timers.get(id)?.timer);
    this.#timers.delete(id);
    this.list = this.list.filter((notice) => notice.id !== id);
    // A button that is gone does not say that the focus has left it.
    if (this.#held) this.release();
  }

  /** They were said to somebody who has left, and so was what can be done about them. */
  clear(): void {
    for (const one of this.running) one.cancel();
    for (const one of this.list) this.dismiss(one.id);
  }

  /** Somebody is reading them, or about to press something: none goes meanwhile. */
  hold(): void {
    this.#held = true;
    for (const one of this.#timers.values()) clearTimeout(one.timer);
  }

  release(): void {
    this.#held = false;
    for (const [id, one] of this.#timers) {
      clearTimeout(one.timer);
      one.timer = this.#later(id, one.shown);
    }
  }

  #add(notice: Omit<Notice, 'id'>, shown: number): number {
    const id = ++this.#last;
    // Said again, it takes the place of the one before, whose action was about something else.
    for (const one of this.list) if (one.title === notice.title && one.detail === notice.detail) this.dismiss(one.id);
    // What can be undone is what was done last; for what was before that there is Ctrl+Z.
    if (notice.kind === 'done' && notice.actions.length > 0 && !waits(notice)) {
      for (const one of this.list) if (one.kind === 'done' && one.actions.length > 0 && !waits(one)) this.dismiss(one.id);
    }
    // Those that wait for somebody go last.
    const goers = [...this.list].sort((one, other) => Number(waits(one)) - Number(waits(other)));
    for (const one of goers.slice(0, Math.max(0, goers.length + 1 - MOST))) this.dismiss(one.id);
    this.list = [...this.list, { ...notice, id }];
    if (!waits(notice)) this.#timers.set(id, { timer: this.#later(id, shown), shown });
    return id;
  }

  #later(id: number, shown: number): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.dismiss(id), shown);
  }
}

export const notices = new Notices();
