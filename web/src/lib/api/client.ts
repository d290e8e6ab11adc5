// Every request to the API goes through here: one place that knows problems, a session that has to be renewed, and a
// network that is away. It never shows anything; callers do.
import type { Problem } from './types';

/** The server refused, and said why. */
export class ProblemError extends Error {
  readonly status: number;
  readonly type: string;
  readonly detail: string;
  readonly requestId: string | undefined;
  /** When to ask again, if the server said so. */
  readonly retryAfterMs: number | undefined;

  constructor(problem: Problem, retryAfter: string | null = null) {
    super(problem.title);
    this.name = 'ProblemError';
    this.status = problem.status;
    this.type = problem.type;
    this.detail = problem.detail;
    this.requestId = problem.request_id ?? undefined;
    const seconds = retryAfter?.trim() ? Number(retryAfter) : NaN;
    this.retryAfterMs = seconds >= 0 ? seconds * 1000 : undefined;
  }
}

/** Whether the server refused, with this status. */
export function isStatus(error: unknown, status: number): boolean {
  return error instanceof ProblemError && error.status === status;
}

/** Whether the server refused, and named that problem: `link-over`. */
export function isProblem(error: unknown, name: string): boolean {
  return error instanceof ProblemError && error.type === `urn:picup:${name}`;
}

/** Whether the server can only be read for the moment. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof ProblemError && error.type === 'urn:picup:read-only';
}

/** Whether the server cannot reach its store of photos for the moment. */
export function isStoreAway(error: unknown): boolean {
  return error instanceof ProblemError && error.type === 'urn:picup:store-away';
}

/** The server could not be reached, so it is not known whether it did what was asked. */
export class ConnectionLost extends Error {
  constructor() {
    super('connection lost');
    this.name = 'ConnectionLost';
  }
}

export interface CallOptions {
  body?: unknown;
  query?: Record<string, string | number | undefined>;
  signal?: AbortSignal;
  /** Take a 401 as it is: for sign-in and renewal themselves, and for what needs no session. */
  anonymous?: boolean;
  /** The right that it shows in place of the session's cookies, which stay here. */
  bearer?: string;
}

/** What the client needs from the session and the connection; set once at the start (they in turn call the API). */
export interface Hooks {
  /** Renews the session; false when it has ended for good. */
  renew(): Promise<boolean>;
  /** The server did not answer. */
  lost(): void;
  /** Resolves when the server can be reached again. */
  reachable(signal?: AbortSignal): Promise<void>;
}

let hooks: Hooks = {
  renew: async () => false,
  lost: () => undefined,
  reachable: async () => undefined,
};

export function setHooks(next: Hooks): void {
  hooks = next;
}

export interface Answer<T> {
  value: T;
  /** The server's own clock, when it told. */
  date: Date | undefined;
}

/** Sends one request and gives its JSON; reads wait out a lost connection, writes throw {@link ConnectionLost}. */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  return (await callForAnswer<T>(method, path, options)).value;
}

/** {@link call}, with the server's clock beside it. */
export async function callForAnswer<T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
  let renewed = false;
  for (;;) {
    let response: Response;
    try {
      response = await send(method, path, options);
    } catch (error) {
      if (options.signal?.aborted) throw error;
      hooks.lost();
      if (method !== 'GET') throw new ConnectionLost();
      await hooks.reachable(options.signal);
      continue;
    }
    if (response.ok) return { value: await read<T>(response), date: serverDate(response) };
    const problem = await problemOf(response);
    // A wrong password that the request itself carries says nothing of the session.
    const ended = response.status === 401 && problem.type !== 'urn:picup:wrong-credentials';
    if (ended && !options.anonymous && options.bearer === undefined && !renewed) {
      renewed = true;
      if (await hooks.renew()) continue;
    }
    throw new ProblemError(problem, response.headers.get('retry-after'));
  }
}

function send(method: string, path: string, options: CallOptions): Promise<Response> {
  const init: RequestInit = { method, headers: { Accept: 'application/json' } };
  if (options.signal) init.signal = options.signal;
  if (options.bearer !== undefined) {
    init.credentials = 'omit';
    init.headers = { ...init.headers, Authorization: `Bearer ${options.bearer}` };
  }
  if (options.body !== undefined) {
    init.body = JSON.stringify(options.body);
    init.headers = { ...init.headers, 'Content-Type': 'application/json' };
  }
  return fetch(path + queryOf(options.query), init);
}

function queryOf(query: CallOptions['query']): string {
  const pairs = Object.entries(query ?? {}).filter((pair): pair is [string, string | number] => pair[1] !== undefined);
  if (pairs.length === 0) return '';
  return '?' + new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
}

async function read<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

function serverDate(response: Response): Date | undefined {
  const text = response.headers.get('date');
  const date = text === null ? undefined : new Date(text);
  return date && !Number.isNaN(date.getTime()) ? date : undefined;
}

/** A proxy on the way may answer with something that is no problem document; its status still tells. */
async function problemOf(response: Response): Promise<Problem> {
  const fallback: Problem = {
    type: 'about:blank',
    title: response.statusText || `HTTP ${response.status}`,
    status: response.status,
    detail: '',
  };
  try {
    return { ...fallback, ...((await response.json()) as Partial<Problem>) };
  } catch {
    return fallback;
  }
}
