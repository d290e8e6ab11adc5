/** A Svelte action: a picture that goes before it came is not fetched on. */
export function letGo(image: HTMLImageElement) {
  return { destroy: () => image.complete || giveUp(image) };
}

function giveUp(image: HTMLImageElement) {
  image.removeAttribute('src');
  // Chromium keeps a picture whose source changed outside of a document until the page ends, unless it leaves one after that.
  document.head.append(image);
  image.remove();
}
