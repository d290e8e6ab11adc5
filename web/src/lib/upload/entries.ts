// The files that a person dropped or chose: folders are read to their end (a browser gives 100 entries at a time), and what
// the system itself left in them is passed over.
const SYSTEM_FILES = new Set(['thumbs.db', 'desktop.ini', 'ehthumbs.db']);
const SYSTEM_FOLDERS = new Set(['__macosx', '@eadir', '$recycle.bin', 'system volume information']);

/** Whether the system, not the person, put it there. */
export function isSystemFile(name: string): boolean {
  return name.startsWith('.') || SYSTEM_FILES.has(name.toLowerCase());
}

export function isSystemFolder(name: string): boolean {
  return name.startsWith('.') || SYSTEM_FOLDERS.has(name.toLowerCase());
}

/** Files from a file chooser; a chosen folder comes as files with their paths. */
export function chosenFiles(files: Iterable<File>): File[] {
  return [...files].filter((file) => {
    const folders = (file.webkitRelativePath || file.name).split('/').slice(0, -1);
    return !isSystemFile(file.name) && !folders.some(isSystemFolder);
  });
}

/** Whether a drag brings files, rather than text or a picture of the page itself. */
export function bringsFiles(data: DataTransfer | null): boolean {
  return data?.types.includes('Files') ?? false;
}

/** All files of a drop. The items must be taken in the event itself: afterwards the browser has emptied them. */
export function droppedFiles(data: DataTransfer): Promise<File[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return Promise.resolve(chosenFiles(data.files));
  return filesOf(entries);
}

export async function filesOf(entries: readonly FileSystemEntry[]): Promise<File[]> {
  const files: File[] = [];
  const waiting = [...entries];
  for (let entry = waiting.shift(); entry; entry = waiting.shift()) {
    if (entry.isDirectory) {
      if (!isSystemFolder(entry.name)) waiting.push(...(await entriesOf(entry as FileSystemDirectoryEntry)));
    } else if (!isSystemFile(entry.name)) {
      files.push(await fileOf(entry as FileSystemFileEntry));
    }
  }
  return files;
}

async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
