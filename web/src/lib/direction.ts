// Names that people gave may run from right to left, or hold characters that turn around what stands beside them: a file called
// “photo”, such a character, “gpj.exe” would look like a picture.

/** Characters that turn the direction of what follows, whatever it is. */
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
/** Letters that run from right to left. */
const FROM_THE_RIGHT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;

/** The name as it is written, with what would turn it around made visible. */
export function legible(name: string): string {
  return name.replace(TURNS, '\ufffd');
}

/** A name within a sentence, which goes on in its own direction after it. */
export function within(name: string): string {
  const safe = legible(name);
  return FROM_THE_RIGHT.test(safe) ? `\u2068${safe}\u2069` : safe;
}
