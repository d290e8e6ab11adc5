// Single-letter keys belong to the page only while nobody is typing and no dialog is open.
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  const target = event.target instanceof Element ? event.target : null;
  return target?.closest('input, textarea, select, dialog[open], [contenteditable]') != null;
}
