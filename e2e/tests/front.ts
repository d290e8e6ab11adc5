// Stands between the browser and picup, on an address of its own, so that a test can take the server away and bring it back, or have it
// answer as the next release would.
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What a path answers instead: made of what picup says there, or anew where it has nothing. */
export type Rewrite = (body: string) => string;

export class Front {
  readonly #target: URL;
  readonly #rewrites = new Map<string, Rewrite>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  private constructor(target: string) {
    this.#target = new URL(target);
  }

  static async open(target: string): Promise<Front> {
    const front = new Front(target);
    await front.back();
    return front;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** From now on nobody answers at this address: connections are refused, and those that are open are cut. */
  async away(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = new Promise<void>((done) => (server ? server.close(() => done()) : done()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Answers (again), at the same address. */
  async back(): Promise<void> {
    const server = createServer((asked, answer) => this.#pass(asked, answer));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((done, failed) => server.once('error', failed).listen(this.#port, '127.0.0.1', done));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  rewrite(path: string, rewrite: Rewrite): void {
    this.#rewrites.set(path, rewrite);
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const rewrite = this.#rewrites.get(asked.url ?? '');
    const headers = { ...asked.headers };
    if (rewrite) for (const name of ['accept-encoding', 'if-none-match']) delete headers[name];
    const { hostname, port } = this.#target;
    const onward = request({ hostname, port, path: asked.url, method: asked.method, headers }, (given) => {
      if (rewrite) void rewritten(given, answer, rewrite);
      else given.pipe(answer.writeHead(given.statusCode ?? 502, given.headers));
      given.on('error', () => answer.destroy());
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  }
}

async function rewritten(given: IncomingMessage, answer: ServerResponse, rewrite: Rewrite): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of given) chunks.push(chunk as Buffer);
  const body = rewrite(Buffer.concat(chunks).toString());
  const type = given.statusCode === 200 ? given.headers['content-type'] : 'text/javascript';
  const { etag: _, 'content-length': __, ...kept } = given.headers;
  answer.writeHead(200, { ...kept, 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}
