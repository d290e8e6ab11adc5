// The failed ones of an action on many, as long as somebody looks at them.
import type { Failure } from './outcome';

export interface Failures {
  failed: readonly Failure[];
  /** Tries these again. */
  retry: (assets: string[]) => void;
}

class Shown {
  current = $state.raw<Failures | undefined>(undefined);
}

export const failures = new Shown();
