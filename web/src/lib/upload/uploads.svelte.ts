// The page's one upload queue, wired to the API, and the ways files get into it.
import { api } from '../api';
import { connection } from '../connection.svelte';
import { t } from '../i18n/i18n.svelte';
import { notices } from '../notices.svelte';
import { chosenFiles, droppedFiles } from './entries';
import { hashInWorker } from './hasher';
import { putPart } from './put';
import { UploadQueue } from './queue.svelte';

let whenProgressed: () => void = () => undefined;

/** Who wants to know that files have become assets; the shell does, to show usage. */
export function onUploadProgress(work: () => void): void {
  whenProgressed = work;
}

export const uploads = new UploadQueue(
  {
    start: api.uploadStart,
    status: api.upload,
    targets: api.uploadParts,
    complete: api.uploadComplete,
    cancel: api.uploadCancel,
    put: putPart,
    hash: hashInWorker,
    reachable: (signal) => connection.reachable(signal),
    lost: () => connection.report(),
    pause: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, milliseconds);
        signal.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true });
      }),
  },
  { progressed: () => whenProgressed() },
);

export function chooseFiles(): void {
  choose(false);
}

export function chooseFolder(): void {
  choose(true);
}

function choose(folder: boolean): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.multiple = true;
  input.webkitdirectory = folder;
  input.addEventListener('change', () => addFiles(chosenFiles(input.files ?? [])));
  input.click();
}

export async function addDrop(data: DataTransfer): Promise<void> {
  try {
    addFiles(await droppedFiles(data));
  } catch {
    notices.say(t('upload.unreadable'));
  }
}

function addFiles(files: readonly File[]): void {
  if (files.length === 0) notices.say(t('upload.nothing'));
  uploads.add(files);
}
