// Small things a browser remembers for the page (never secrets). Storage may be full, forbidden or absent: then nothing is
// remembered and everything still works.
const PREFIX = 'picup.';

export function readNote(name: string): string | undefined {
  try {
    return globalThis.localStorage?.getItem(PREFIX + name) ?? undefined;
  } catch {
    return undefined;
  }
}

export function writeNote(name: string, value: string | undefined): void {
  try {
    if (value === undefined) globalThis.localStorage?.removeItem(PREFIX + name);
    else globalThis.localStorage?.setItem(PREFIX + name, value);
  } catch {
    // Nothing is lost but the memory of it.
  }
}
