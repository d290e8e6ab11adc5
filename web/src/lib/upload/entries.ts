// The files that a person dropped or chose: folders are read to their end (a browser gives 100 entries at a time), and what
// the system itself left in them is passed over.
import { Fifo } from './fifo';
import type { Chosen } from './item.svelte';

/** The browser answers for all of them in one piece, which must not keep the page from answering. */
const ASKED_AT_ONCE = 50;

const SYSTEM_FILES = new Set(['thumbs.db', 'desktop.ini', 'ehthumbs.db']);
const SYSTEM_FOLDERS = new Set(['__macosx', '@eadir', '$recycle.bin', 'system volume information']);

/** Whether the system, not the person, put it there. */
export function isSystemFile(name: string): boolean {
  return name.startsWith('.') || SYSTEM_FILES.has(name.toLowerCase());
}

export function isSystemFolder(name: string): boolean {
  return name.startsWith('.') || SYSTEM_FOLDERS.has(name.toLowerCase());
}

/** What a file chooser or a drop brought. */
export interface Brought {
  files: Chosen[];
  /** How many files, and folders unread, the system had put there. */
  system: number;
}

/** Files from a file chooser; a chosen folder comes as files with their paths. */
export function chosenFiles(chosen: Iterable<File>): Brought {
  const all = [...chosen].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  const files = all.filter(({ file, path }) => !isSystemFile(file.name) && !path.split('/').slice(0, -1).some(isSystemFolder));
  return { files, system: all.length - files.length };
}

/** Whether a drag brings files, rather than text or a picture of the page itself. */
export function bringsFiles(data: DataTransfer | null): boolean {
  return data?.types.includes('Files') ?? false;
}

/** What a drop brought. */
export interface Dropped extends Brought {
  /** Paths that could not be read. */
  unreadable: string[];
}

/** Who follows how far the reading of folders is, and may end it. */
export interface Watch {
  signal: AbortSignal;
  found: (files: number) => void;
}

const NOBODY: Watch = { signal: new AbortController().signal, found: () => undefined };

/** All files of a drop, or those until it was ended. The items must be taken in the event itself: afterwards the browser has emptied them. */
export async function droppedFiles(data: DataTransfer, watch = NOBODY): Promise<Dropped> {
  const items = [...data.items].filter((item) => item.kind === 'file');
  const found = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const entries = found.flatMap(({ entry }) => entry ?? []);
  if (entries.length === 0) return { ...chosenFiles(data.files), unreadable: [] };
  // A link that leads nowhere has no entry, and may still tell its name.
  const lost = found.flatMap(({ entry, file }) => (entry ? [] : [file?.name ?? '?']));
  const { unreadable, ...brought } = await filesOf(entries, watch);
  return { ...brought, unreadable: [...lost, ...unreadable] };
}

export async function filesOf(entries: readonly FileSystemEntry[], watch = NOBODY): Promise<Dropped> {
  const dropped: Dropped = { files: [], system: 0, unreadable: [] };
  const folders = new Fifo<FileSystemDirectoryEntry>();
  const take = async (some: readonly FileSystemEntry[]) => {
    const own = some.filter(({ isDirectory, name }) => !(isDirectory ? isSystemFolder(name) : isSystemFile(name)));
    dropped.system += some.length - own.length;
    folders.push(...own.filter((entry) => entry.isDirectory).map((entry) => entry as FileSystemDirectoryEntry));
    const files = own.filter((entry) => !entry.isDirectory);
    for (let start = 0; start < files.length && !watch.signal.aborted; start += ASKED_AT_ONCE) {
      const asked = files.slice(start, start + ASKED_AT_ONCE).map((entry) => fileOf(entry as FileSystemFileEntry));
      for (const found of await Promise.all(asked)) {
        if (typeof found === 'string') dropped.unreadable.push(found);
        else dropped.files.push(found);
      }
      watch.found(dropped.files.length);
    }
  };
  await take(entries);
  for (let folder = folders.shift(); folder && !watch.signal.aborted; folder = folders.shift()) {
    const { inside, whole } = await entriesOf(folder);
    if (!whole) dropped.unreadable.push(pathOf(folder));
    await take(inside);
  }
  return dropped;
}

/** What is in a folder, as far as it can be read: a browser gives a hundred at a time. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<{ inside: FileSystemEntry[]; whole: boolean }> {
  const reader = folder.createReader();
  const inside: FileSystemEntry[] = [];
  try {
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return { inside, whole: true };
      inside.push(...some);
    }
  } catch {
    return { inside, whole: false };
  }
}

/** The file, or the path of one that cannot be read. */
function fileOf(entry: FileSystemFileEntry): Promise<Chosen | string> {
  const path = pathOf(entry);
  return new Promise((resolve) => entry.file((file) => resolve({ file, path }), () => resolve(path)));
}

const pathOf = (entry: FileSystemEntry): string => entry.fullPath.replace(/^\//, '');
