// Light, dark, or as the system has it. The colours themselves are in app.css, by `light-dark()`.
import { paint } from './head';
import { readNote, writeNote } from './notes';

export type Theme = 'system' | 'light' | 'dark';
const NOTE = 'theme';

const saved = readNote(NOTE);
let chosen = $state<Theme>(saved === 'light' || saved === 'dark' ? saved : 'system');

export const theme = {
  get choice(): Theme {
    return chosen;
  },
  set choice(next: Theme) {
    chosen = next;
    writeNote(NOTE, next === 'system' ? undefined : next);
    apply();
  },
};

function apply(): void {
  const root = globalThis.document?.documentElement;
  if (!root) return;
  if (chosen === 'system') delete root.dataset['theme'];
  else root.dataset['theme'] = chosen;
  paint(chosen);
}

apply();
