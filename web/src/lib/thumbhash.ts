// A thumbhash as a tiny picture for a background. Decoded once each, and the newest few hundred are kept.
import { thumbHashToDataURL } from 'thumbhash';

const MOST = 800;
const made = new Map<string, string>();

/** A CSS `background-image` for a thumbhash in base64; nothing for none, or for one that cannot be read. */
export function placeholderImage(hash: string | undefined): string | undefined {
  if (!hash) return undefined;
  const known = made.get(hash);
  if (known !== undefined) return known;
  try {
    const image = `url(${thumbHashToDataURL(Uint8Array.from(atob(hash), (letter) => letter.charCodeAt(0)))})`;
    if (made.size >= MOST) made.delete(made.keys().next().value ?? '');
    made.set(hash, image);
    return image;
  } catch {
    return undefined;
  }
}
