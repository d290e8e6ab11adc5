// Which page is open, read from the address's fragment. A fragment never reaches a server or its logs, which is why the
// one-time set-up code can travel in it.
export type Route =
  | { page: 'timeline' }
  | { page: 'photo'; id: string }
  | { page: 'albums' }
  | { page: 'album'; album: string }
  | { page: 'album-photo'; album: string; id: string }
  | { page: 'setup'; code: string }
  | { page: 'invitation'; token: string }
  | { page: 'signin' };

/** The route that a fragment names; whatever is unknown leads to the timeline. */
export function parseRoute(hash: string): Route {
  const parts = hash.replace(/^#\/?/, '').split('/').map(decode);
  const [first = '', second = '', third = '', fourth = ''] = parts;
  if (first === 'setup') return { page: 'setup', code: second };
  if (first === 'invitation') return { page: 'invitation', token: second };
  if (first === 'signin') return { page: 'signin' };
  if (first === 'photo' && second) return { page: 'photo', id: second };
  if (first === 'albums') return { page: 'albums' };
  if (first === 'album' && second) {
    return third === 'photo' && fourth ? { page: 'album-photo', album: second, id: fourth } : { page: 'album', album: second };
  }
  return { page: 'timeline' };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The fragment of a route: the inverse of {@link parseRoute}. */
export function hrefOf(route: Route): string {
  const part = encodeURIComponent;
  switch (route.page) {
    case 'timeline':
      return '#/';
    case 'photo':
      return `#/photo/${part(route.id)}`;
    case 'albums':
      return '#/albums';
    case 'album':
      return `#/album/${part(route.album)}`;
    case 'album-photo':
      return `#/album/${part(route.album)}/photo/${part(route.id)}`;
    case 'setup':
      return `#/setup/${part(route.code)}`;
    case 'invitation':
      return `#/invitation/${part(route.token)}`;
    case 'signin':
      return '#/signin';
  }
}

class Router {
  route = $state.raw<Route>(parseRoute(globalThis.location?.hash ?? ''));
  /** Where the person was before, within this page; nothing after a deep link. */
  previous: Route | undefined;

  constructor() {
    globalThis.addEventListener?.('hashchange', () => this.#follow());
  }

  go(route: Route, options: { replace?: boolean } = {}): void {
    if (options.replace) {
      history.replaceState(null, '', hrefOf(route));
      this.route = route;
    } else {
      location.hash = hrefOf(route);
    }
  }

  /** Takes what follows the page's name out of the address and the history; the page itself stays as it is. */
  hide(): void {
    history.replaceState(null, '', `#/${this.route.page}`);
  }

  /** Leaves for `route`, by the browser's own Back when that is where it leads, so that Back never shows a page twice. */
  leaveFor(route: Route): void {
    if (this.previous && hrefOf(this.previous) === hrefOf(route)) history.back();
    else this.go(route, { replace: true });
  }

  #follow(): void {
    const next = parseRoute(location.hash);
    this.previous = this.route;
    this.route = next;
  }
}

export const router = new Router();
