// The offsets from UTC that places have, in minutes, for choosing one.
const WHOLE_HOURS = Array.from({ length: 27 }, (_, index) => (index - 12) * 60);
const OTHERS = [-570, -210, -150, 210, 270, 330, 345, 390, 525, 570, 630, 765];

/** All of them in order, with the one that is set now, which may be none of them. */
export function offsetChoices(current: number | undefined): number[] {
  const all = new Set([...WHOLE_HOURS, ...OTHERS, ...(current === undefined ? [] : [current])]);
  return [...all].sort((a, b) => a - b);
}
