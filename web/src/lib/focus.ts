// What changes with the page within the frame: the focus goes to the new page's heading, so that whoever hears the page hears where they
// are and whoever uses keys goes on from there; and the tab is named after that heading. Put on `main` by the shell.
import { tick } from 'svelte';
import { entitle } from './head';

/** An action: `place` names what is open, and changes when one goes somewhere else (not when a photo opens over the page). */
export function arrival(main: HTMLElement, place: string) {
  /** Who had the focus when one left for a page whose heading has not come yet. */
  let leaving: { from: Element | null } | undefined;

  const look = () => {
    const heading = main.querySelector<HTMLElement>('h1');
    entitle(heading?.textContent?.trim());
    if (!heading || !leaving) return;
    const { from } = leaving;
    leaving = undefined;
    if (mayTake(from, main)) focus(heading);
  };
  // Pages are fetched when they are first opened, albums get their names from the server, and languages change.
  const observer = new MutationObserver(look);
  observer.observe(main, { childList: true, subtree: true, characterData: true });
  look();

  return {
    update(next: string) {
      if (next === place) return;
      place = next;
      leaving = { from: document.activeElement };
      // By then the old page has gone.
      void tick().then(look);
    },
    destroy: () => observer.disconnect(),
  };
}

/** Whoever types goes on typing, and what has the focus by a person's choice, or a page's own, keeps it. */
function mayTake(from: Element | null, main: HTMLElement): boolean {
  const { activeElement } = document;
  if (!activeElement || activeElement === document.body) return true;
  if (activeElement.closest('input, textarea, select, dialog[open], [contenteditable]')) return false;
  return activeElement === from && !main.contains(activeElement);
}

function focus(heading: HTMLElement): void {
  // Not a stop of the Tab key: only a place to begin from.
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}
