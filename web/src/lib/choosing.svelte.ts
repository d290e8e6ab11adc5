// An album that photos are being chosen for in the timeline; what is selected there then goes into it.
import type { Album } from './api/types';

class Choosing {
  album = $state.raw<Album | undefined>(undefined);
}

export const choosing = new Choosing();
