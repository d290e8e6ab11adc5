/**
 * Copies a text by the clipboard where the page may use it, which it may not over plain HTTP; or else by what `select` selects,
 * which a person's own copy key takes if this fails, too. True when it was copied.
 */
export async function copyText(text: string, select: () => void): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    select();
    return document.execCommand('copy');
  }
}
