// Keeps the focus in the viewer: it takes it when it opens, and Tab goes round what can be reached, which is the viewer and
// the notices over it, because the page behind is inert.
const REACHABLE = 'a[href], button, input, select, textarea, video[controls], [tabindex="0"]';

export function keepFocus(viewer: HTMLElement) {
  viewer.focus();
  const keydown = (event: KeyboardEvent) => {
    // What had the focus may have gone with what was done by it.
    if (document.activeElement === document.body) viewer.focus({ preventScroll: true });
    if (event.key !== 'Tab' || document.querySelector('dialog[open]')) return;
    const all = [...document.querySelectorAll<HTMLElement>(REACHABLE)].filter(canTake);
    const [first, last] = [all[0], all.at(-1)];
    const at = document.activeElement;
    const lost = !(at instanceof HTMLElement) || at === document.body || at.closest('[inert]') !== null;
    if (event.shiftKey && (at === first || at === viewer || lost)) last?.focus();
    else if (!event.shiftKey && (at === last || lost)) first?.focus();
    else return;
    event.preventDefault();
  };
  addEventListener('keydown', keydown);
  return { destroy: () => removeEventListener('keydown', keydown) };
}

function canTake(element: HTMLElement): boolean {
  return element.tabIndex >= 0 && !element.matches(':disabled') && !element.closest('[inert]') && element.checkVisibility({ visibilityProperty: true });
}
