// Starts the real picup on a free port and an empty folder, and stops it as an operator would.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const BINARY = resolve(process.env['PICUP_BINARY'] ?? join(import.meta.dirname, '../../target/debug/picup'));
const START_MS = 20_000;
const STOP_MS = 20_000;

interface Serving {
  child: ChildProcess;
  /** What it wrote so far. */
  said: () => string;
  /** Where it said that it is ready. */
  found: string;
}

/** Starts picup, and waits until it says so. */
async function serve(folder: string, listen: string, ready: RegExp): Promise<Serving> {
  const arguments_ = ['serve', '--data-dir', join(folder, 'data'), '--listen', listen, '--admin-listen', ''];
  const child = spawn(BINARY, arguments_, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const found = await new Promise<string>((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`picup did not start:\n${said}`)), START_MS);
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      const words = ready.exec(said)?.[0];
      if (!words) return;
      clearTimeout(timer);
      done(words);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', failed);
    child.on('exit', (code) => failed(new Error(`picup ended with ${code}:\n${said}`)));
  });
  return { child, said: () => said, found };
}

export class Picup {
  readonly folder: string;
  /** The one-time link that it printed. */
  readonly setupLink: string;
  readonly origin: string;
  #process: ChildProcess;
  #said: () => string;

  private constructor(folder: string, link: string, { child, said }: Serving) {
    this.folder = folder;
    this.setupLink = link;
    this.origin = new URL(link).origin;
    this.#process = child;
    this.#said = said;
  }

  /** `prepare` may fill the data folder with accounts before it serves; then it prints no link, and `setupLink` is its address. */
  static async start(prepare?: (dataFolder: string) => void): Promise<Picup> {
    const folder = mkdtempSync(join(tmpdir(), 'picup-e2e-'));
    prepare?.(join(folder, 'data'));
    const printed = prepare ? /http:\/\/127\.0\.0\.1:\d+\/(?=\s)/ : /http:\/\/127\.0\.0\.1:\d+\/#\/setup\/[\w-]+/;
    const serving = await serve(folder, '127.0.0.1:0', printed);
    return new Picup(folder, serving.found, serving);
  }

  /** Ends it at once, as a power cut would. */
  async kill(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  /** Starts it again on the same folder and port. */
  async startAgain(): Promise<void> {
    const before = this.log;
    const { child, said } = await serve(this.folder, new URL(this.origin).host, /PicUp is ready/);
    this.#process = child;
    this.#said = () => before + said();
  }

  /** What it wrote so far. */
  get log(): string {
    return this.#said();
  }

  /** Makes an account by the command line. */
  createUser(email: string, password: string): void {
    createUser(join(this.folder, 'data'), email, password);
  }

  /** Sets what an account may keep: `10GB`, or `none` for no limit. */
  setQuota(email: string, quota: string): void {
    execFileSync(BINARY, ['user', 'quota', email, quota, '--data-dir', join(this.folder, 'data')], { stdio: 'pipe' });
  }

  /** Bars an account, which ends all its sessions, or lets it in again. */
  setDisabled(email: string, disabled: boolean): void {
    execFileSync(BINARY, ['user', disabled ? 'disable' : 'enable', email, '--data-dir', join(this.folder, 'data')], { stdio: 'pipe' });
  }

  /** Runs `picup user …` with its answer as JSON, and gives the link in it. */
  user(...arguments_: string[]): string {
    const all = ['user', ...arguments_, '--json', '--data-dir', join(this.folder, 'data')];
    return (JSON.parse(execFileSync(BINARY, all, { encoding: 'utf8' })) as { link: string }).link;
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit') as Promise<[number | null]>;
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS);
    const [code] = await ended;
    clearTimeout(timer);
    rmSync(this.folder, { recursive: true, force: true });
    if (code !== 0) throw new Error(`picup ended with ${code} on SIGTERM:\n${this.log}`);
  }
}

/** Makes an account by the command line, whether or not one serves that folder. */
export function createUser(dataFolder: string, email: string, password: string, ...more: string[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'picup-e2e-password-'));
  const file = join(folder, 'password');
  writeFileSync(file, password, { mode: 0o600 });
  const where = ['--password-file', file, '--data-dir', dataFolder, ...more];
  execFileSync(BINARY, ['user', 'create', email, ...where], { stdio: 'pipe' });
  rmSync(folder, { recursive: true });
}
