// What opens the media of others: queries that come with a page of a list and are good for minutes only. Whoever is about to
// fetch something and finds its query too old has that page asked for once more, for all that came with it. A right is never
// written anywhere but into the address of what it opens.

/** For how long a right opens at least, unless the server says otherwise. */
export const MEDIA_MS = 300_000;
/** So long before its end it is not begun with any more. */
const SPARE_MS = 20_000;

/** By the assets' ids. */
export type Queries = ReadonlyMap<string, string>;

export class Rights {
  #given = $state.raw<{ queries: Queries; until: number }>({ queries: new Map(), until: 0 });
  #ask: () => Promise<Queries>;
  #life: number;
  #asking: Promise<void> | undefined;

  /** `asked` is when these were asked for; `ask` asks for them anew. */
  constructor(queries: Queries, asked: number, ask: () => Promise<Queries>, life = MEDIA_MS) {
    this.#ask = ask;
    this.#life = life;
    this.#take(queries, asked);
  }

  /** What opens an asset's media now; nothing while it has to be asked for anew. */
  of(id: string): string | undefined {
    const { queries, until } = this.#given;
    return Date.now() < until ? queries.get(id) : undefined;
  }

  /** Asks anew; whoever needs it meanwhile waits for the same answer. */
  renew(): Promise<void> {
    this.#asking ??= this.#askOnce().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** They were refused before their time. */
  end(): void {
    this.#given = { ...this.#given, until: 0 };
  }

  async #askOnce(): Promise<void> {
    const asked = Date.now();
    this.#take(await this.#ask(), asked);
  }

  #take(queries: Queries, asked: number): void {
    this.#given = { queries, until: asked + this.#life - SPARE_MS };
  }
}
