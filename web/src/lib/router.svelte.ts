// Which page is open, read from the address's fragment. A fragment never reaches a server or its logs, which is why the
// one-time set-up code can travel in it.
/** The pages that show a wall of photos, over which the viewer may be open. */
export type Gallery =
  | { page: 'timeline' }
  | { page: 'favourites' }
  | { page: 'trash' }
  | { page: 'album'; album: string }
  | { page: 'search'; query: string };

export type Route =
  | (Gallery & { photo?: string })
  | { page: 'albums' }
  | { page: 'settings'; section: string }
  | { page: 'admin'; section: string }
  | { page: 'setup'; code: string }
  | { page: 'invitation'; token: string }
  | { page: 'share'; token: string; photo?: string }
  | { page: 'signin' };

/** Nothing else is asked of the server as an id. */
const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** The route that a fragment names; whatever is unknown leads to the timeline. */
export function parseRoute(hash: string): Route {
  const [first = '', ...rest] = hash.replace(/^#\/?/, '').split('/').map(decode);
  const [second = ''] = rest;
  switch (first) {
    case 'setup':
      return { page: 'setup', code: second };
    case 'invitation':
      return { page: 'invitation', token: second };
    case 'share':
      return { page: 'share', token: second, ...photoOf(rest.slice(1)) };
    case 'signin':
    case 'albums':
      return { page: first };
    case 'settings':
    case 'admin':
      return { page: first, section: second };
    case 'favourites':
    case 'trash':
      return { page: first, ...photoOf(rest) };
    case 'album':
      return ID.test(second) ? { page: first, album: second, ...photoOf(rest.slice(1)) } : { page: 'albums' };
    case 'search':
      return { page: first, query: second, ...photoOf(rest.slice(1)) };
    default:
      return { page: 'timeline', ...photoOf([first, ...rest]) };
  }
}

function photoOf([word, id]: string[]): { photo?: string } {
  return word === 'photo' && id && ID.test(id) ? { photo: id } : {};
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
  const parts = partsOf(route);
  if ('photo' in route && route.photo) parts.push('photo', route.photo);
  return '#/' + parts.map(encodeURIComponent).join('/');
}

function partsOf(route: Route): string[] {
  switch (route.page) {
    case 'timeline':
      return [];
    case 'album':
      return ['album', route.album];
    case 'search':
      return ['search', route.query];
    case 'settings':
    case 'admin':
      return route.section ? [route.page, route.section] : [route.page];
    case 'setup':
      return ['setup', route.code];
    case 'invitation':
      return ['invitation', route.token];
    case 'share':
      return ['share', route.token];
    default:
      return [route.page];
  }
}

/** The gallery of a route, without the photo that is open in it. */
export function galleryOf(route: Route): Gallery | undefined {
  switch (route.page) {
    case 'timeline':
    case 'favourites':
    case 'trash':
      return { page: route.page };
    case 'album':
      return { page: 'album', album: route.album };
    case 'search':
      return { page: 'search', query: route.query };
    default:
      return undefined;
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
