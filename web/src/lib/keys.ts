// Single-letter keys belong to the page only while nobody is typing and no dialog is open.
export function isTyping(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey || event.altKey || isInField(event);
}

/** Whether the key goes to a field or a dialog. */
export function isInField(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null;
  return target?.closest('input, textarea, select, dialog[open], [contenteditable]') != null;
}
