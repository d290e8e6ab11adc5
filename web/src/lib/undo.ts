// What was done last and can be taken back: by its notice, or by Ctrl+Z long after that has gone.
import { t } from './i18n/i18n.svelte';
import { notices, type Action } from './notices.svelte';

let last: (() => void) | undefined;

export const undo = {
  /** Remembers a way back that can be gone once. `say` tells what was done, with that way beside it. */
  offer(back: () => Promise<unknown>, say: (way: Action) => number): void {
    const run = () => {
      if (last === run) last = undefined;
      notices.dismiss(notice);
      back().catch((error: unknown) => notices.fail(error));
    };
    last = run;
    const notice = say({ label: t('action.undo'), run });
  },

  /** Remembers a way back of which nothing is said: what it undoes can be seen. */
  remember(back: () => Promise<unknown>): void {
    undo.offer(back, () => 0);
  },

  /** Takes back what was done last; false when there is nothing. */
  last(): boolean {
    const way = last;
    way?.();
    return way !== undefined;
  },

  /** Another account's are not this one's to take back. */
  forget(): void {
    last = undefined;
  },
};
