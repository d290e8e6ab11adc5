/** A link of the server's as it can be sent to somebody: one without a host is of this very place. */
export function wholeLink(link: string): string {
  return new URL(link, location.origin).href;
}
