// Sends one part to where the server said. By XMLHttpRequest, the only way to see a body go; it sends no credentials to
// another host, and the address itself carries the right.
import { ConnectionLost, ProblemError } from '../api';
import type { PartTarget } from '../api/types';

export function putPart(
  target: PartTarget,
  body: Blob,
  onProgress: (sent: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open(target.method, target.url);
    request.withCredentials = false;
    for (const { name, value } of target.headers) request.setRequestHeader(name, value);
    request.upload.addEventListener('progress', (event) => onProgress(event.loaded));
    request.addEventListener('load', () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(new ProblemError(problemOf(request), request.getResponseHeader('retry-after')));
    });
    request.addEventListener('error', () => resolve(whyStopped(body)));
    request.addEventListener('abort', () => reject(signal.reason ?? new ConnectionLost()));
    request.addEventListener('loadend', () => signal.removeEventListener('abort', stop));
    signal.addEventListener('abort', stop, { once: true });
    request.send(body);
  });
}

/** A file that was changed or taken away looks to a request like a network that is lost. To try that again would never end. */
function whyStopped(body: Blob): Promise<never> {
  return body.slice(0, 1).arrayBuffer().then(() => Promise.reject(new ConnectionLost()));
}

function problemOf(request: XMLHttpRequest): ConstructorParameters<typeof ProblemError>[0] {
  const fallback = { type: 'about:blank', title: request.statusText, status: request.status, detail: '' };
  try {
    return { ...fallback, ...(JSON.parse(request.responseText) as object) };
  } catch {
    return fallback;
  }
}
