// The network between the browser and PicUp: bench/slow-link, and what each of its settings is called. It lives as long as the bench.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

export interface Network {
  name: string;
  /** Where PicUp is in it. */
  address: string;
  /** Milliseconds there and back, and Mbit/s each way; none for the wire that does nothing. */
  shape?: [roundTrip: number, rate: number];
}

const SLOW = '10.77.0.1';
export const WIRE: Network = { name: 'no delay', address: '10.78.0.1' };
export const NETWORKS: Network[] = [
  WIRE,
  { name: '20 ms, 50 Mbit/s', address: SLOW, shape: [20, 50] },
  { name: '100 ms, 10 Mbit/s', address: SLOW, shape: [100, 10] },
];

export class Link {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;

  private constructor(process: ChildProcessByStdio<Writable, Readable, null>) {
    this.#process = process;
  }

  /** Opens it to the network of that process. */
  static async open(server: string): Promise<Link> {
    const program = join(import.meta.dirname, '../../bench/slow-link');
    const link = new Link(spawn(program, [server], { stdio: ['pipe', 'pipe', 'inherit'] }));
    await link.#answer();
    return link;
  }

  async set({ shape }: Network): Promise<void> {
    if (!shape) return;
    this.#process.stdin.write(`${shape.join(' ')}\n`);
    await this.#answer();
  }

  async close(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.stdin.end();
    await ended;
  }

  async #answer(): Promise<void> {
    const gone = once(this.#process, 'exit').then(() => Promise.reject(new Error('bench/slow-link has ended')));
    await Promise.race([once(this.#process.stdout, 'data'), gone]);
  }
}
