// The report on the whole, fetched again and again as long as somebody looks at it.
import { api } from '../api';
import type { System } from '../api/types';

const EVERY_MS = 10_000;

export class SystemWatch {
  report = $state.raw<System>();
  /** When the last report came, by this device's clock. */
  heardAt = $state.raw<Date>();
  /** Why the last try brought none; a connection that is lost is waited out and is no error. */
  error = $state.raw<unknown>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;
  #watching = false;

  /** Begins to look, until the returned function is called. Nothing is asked while the page is hidden. */
  start(): () => void {
    this.#watching = true;
    const turn = () => (document.hidden ? this.#pause() : void this.refresh());
    document.addEventListener('visibilitychange', turn);
    turn();
    return () => {
      this.#watching = false;
      document.removeEventListener('visibilitychange', turn);
      this.#pause();
    };
  }

  /** Asks now, in place of whatever was being asked. */
  async refresh(): Promise<void> {
    this.#pause();
    const asking = (this.#asking = new AbortController());
    try {
      const report = await api.system(asking.signal);
      if (asking.signal.aborted) return;
      this.report = report;
      this.heardAt = new Date();
      this.error = undefined;
    } catch (error) {
      if (asking.signal.aborted) return;
      this.error = error;
    }
    if (this.#watching && !document.hidden) this.#timer = setTimeout(() => void this.refresh(), EVERY_MS);
  }

  #pause(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }
}
