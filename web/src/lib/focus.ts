// Where the focus goes when the page within the frame changes: to the new page's heading, so that whoever hears the page hears where
// they are, and whoever uses keys goes on from there. Called by the shell once the new page stands.

/** Gives the focus to the heading of `main`, or to `main` itself. What has found its own focus in there keeps it. */
export function focusPage(main: HTMLElement): void {
  const { activeElement } = document;
  if (activeElement && activeElement !== document.body && main.contains(activeElement)) return;
  if (document.querySelector('dialog[open]')) return;
  const target = main.querySelector<HTMLElement>('h1') ?? main;
  // Not a stop of the Tab key: only a place to begin from.
  if (!target.hasAttribute('tabindex')) target.tabIndex = -1;
  target.focus({ preventScroll: true });
}
