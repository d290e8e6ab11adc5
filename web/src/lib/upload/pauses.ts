// Which queues a person paused. A pause outlives its page, as what it paused does: by the name of its queue, because another
// tab's may go on.
import { readNote, writeNote } from '../notes';

const noteOf = (queue: string): string => `paused.${queue}`;

export function wasPaused(queue: string): boolean {
  return readNote(noteOf(queue)) !== undefined;
}

export function notePause(queues: Iterable<string>, paused: boolean): void {
  for (const queue of queues) writeNote(noteOf(queue), paused ? 'yes' : undefined);
}
