// The page's one upload queue, wired to the API and to the journal that survives a reload, and the ways files get into it.
import { api } from '../api';
import { connection } from '../connection.svelte';
import { t } from '../i18n/i18n.svelte';
import { notices } from '../notices.svelte';
import { randomName } from '../random';
import { session } from '../session/session.svelte';
import { lead } from '../tabs';
import { chosenFiles, droppedFiles, type Dropped, type Brought } from './entries';
import { hashInWorker } from './hasher';
import type { Chosen, UploadItem } from './item.svelte';
import { Journal, type FileRecord } from './journal';
import { notePause, wasPaused } from './pauses';
import { putPart } from './put';
import { UploadQueue } from './queue.svelte';
import { Unfinished } from './unfinished.svelte';

/** Fewer files than this are read before anybody could look. */
const SHOWN_FROM = 500;

let whenProgressed: () => void = () => undefined;

/** Who wants to know that files have become assets; the shell does, to show usage. */
export function onUploadProgress(work: () => void): void {
  whenProgressed = work;
}

class Memory {
  /** This browser could not write down what is to be uploaded: a reload would lose it. */
  fails = $state(false);
}
export const memory = new Memory();

class Held {
  /** How many requests wait because nothing can be changed for the moment. */
  count = $state(0);
}
export const heldUp = new Held();

const journal = new Journal(randomName(), () => (memory.fails = true));
let account: string | undefined;
let numbers = 0;
/** The session ended in the middle: uploads wait for the same person. */
let held = false;
/** Ends the hold on the queues that this page looks after: its own, and those it has taken over. */
let letGo: (() => void)[] = [];

/** The queues that this page's files belong to: its own once it has any, and those whose files were chosen again. */
const mine = new Set<string>();

/** What earlier pages of this browser did not finish. */
export const unfinished = new Unfinished();

export const uploads = new UploadQueue(
  {
    start: api.uploadStart,
    startMany: api.uploadStartMany,
    status: api.upload,
    targets: api.uploadParts,
    complete: api.uploadComplete,
    completeMany: api.uploadCompleteMany,
    cancel: api.uploadCancel,
    put: putPart,
    hash: hashInWorker,
    reachable: (signal) => connection.reachable(signal),
    lost: () => {
      connection.report();
      uploads.tally.rest();
    },
    held: () => {
      heldUp.count++;
      uploads.tally.rest();
      return () => heldUp.count--;
    },
    pause: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, milliseconds);
        signal.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true });
      }),
  },
  { progressed: () => whenProgressed(), changed: remember, dropped: forget },
);

$effect.root(() => {
  $effect(() => notePause(mine, uploads.paused));
});

/** What is under way belongs to one account: another one's sign-in ends it. */
export async function uploadsBelongTo(owner: string): Promise<void> {
  if (account === owner) return goOn();
  if (account !== undefined) await forgetUploads();
  account = owner;
  letGo.push(lead(`uploads-${journal.queue}`, () => undefined));
  for (const queue of await journal.queues(owner)) {
    if (queue !== journal.queue) letGo.push(lead(`uploads-${queue}`, () => void takeOver(owner, queue)));
  }
}

session.whenForgotten(forgetUploads);
session.whenLost(() => {
  if (!uploads.active || uploads.paused) return;
  held = true;
  uploads.pause();
});

function goOn(): void {
  if (held) uploads.resume();
  held = false;
}

/** Ends all uploads and forgets what was to be uploaded: for signing out. */
async function forgetUploads(): Promise<void> {
  held = false;
  uploads.cancelAll();
  uploads.clear();
  notePause([...mine, ...unfinished.takeAll().map((record) => record.queue)], false);
  for (const end of letGo) end();
  letGo = [];
  const owner = account;
  // At once, because the same person may sign in again meanwhile.
  account = undefined;
  if (owner !== undefined) await journal.clear(owner);
}

/** The page that had this queue is gone, and what it left is this one's now. */
async function takeOver(owner: string, queue: string): Promise<void> {
  const records = await journal.recordsOf(owner, queue);
  if (account === owner) unfinished.add(records);
}

/** Gives up what earlier pages did not finish. */
export function dismissUnfinished(): void {
  const records = unfinished.takeAll();
  for (const record of records) journal.remove(record.account, record);
  const queues = new Set(records.map((record) => record.queue));
  notePause([...queues].filter((queue) => !mine.has(queue)), false);
}

/** A file that is over is remembered no longer, unless it failed and may be tried again. */
function remember(item: UploadItem): void {
  if (account === undefined) return;
  if (item.over && item.status !== 'failed') return forget(item);
  item.key ??= { queue: journal.queue, number: ++numbers };
  mine.add(item.key.queue);
  const { file, path, sha256 } = item;
  const told = { account, ...item.key, path, name: file.name, bytes: file.size, modified: file.lastModified };
  journal.put(sha256 === undefined ? told : { ...told, sha256 });
}

function forget(item: UploadItem): void {
  if (account !== undefined && item.key) journal.remove(account, item.key);
}

export function chooseFiles(): void {
  choose(false, add);
}

export function chooseFolder(): void {
  choose(true, add);
}

/** Asks for what earlier pages did not finish; whatever else is chosen with it was finished before, or is another matter. */
export function chooseUnfinished(folder: boolean): void {
  choose(folder, ({ files }) => {
    const known = takeUnfinished(files);
    const passed = files.length - known.size;
    if (known.size === 0) notices.say(t('upload.noneOfThem'));
    else if (passed > 0) notices.say(t('upload.goesOn', { count: known.size }), t('upload.passed', { count: passed }));
    queue([...known.keys()], known);
  });
}

function choose(folder: boolean, take: (brought: Brought) => void): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.multiple = true;
  input.webkitdirectory = folder;
  input.addEventListener('change', () => take(chosenFiles(input.files ?? [])));
  input.click();
}

export async function addDrop(data: DataTransfer): Promise<void> {
  const owner = account;
  const dropped = await watchedDrop(data);
  // A large folder takes a while to read, and whoever dropped it may have left.
  if (dropped === undefined || account !== owner) return;
  const { unreadable, ...brought } = dropped;
  if (unreadable.length > 0) notices.say(t('upload.unreadable', { count: unreadable.length }), unreadable.slice(0, 5).join(', '));
  if (brought.files.length > 0 || unreadable.length === 0) add(brought);
}

/** Reads what was dropped, and shows how far that is once it is much; nothing when the person has ended it. */
async function watchedDrop(data: DataTransfer): Promise<Dropped | undefined> {
  const stop = new AbortController();
  let running: ReturnType<typeof notices.begin> | undefined;
  const found = (files: number) => {
    if (files < SHOWN_FROM) return;
    running ??= notices.begin(t('upload.reading'), () => stop.abort());
    running.over = files;
  };
  const dropped = await droppedFiles(data, { signal: stop.signal, found });
  if (running) notices.end(running);
  return stop.signal.aborted ? undefined : dropped;
}

function add({ files, system }: Brought): void {
  if (files.length === 0) notices.say(t('upload.nothing'));
  queue(files, takeUnfinished(files));
  if (files.length > 0) uploads.tally.system += system;
}

function takeUnfinished(files: readonly Chosen[]): Map<Chosen, FileRecord> {
  return unfinished.take(files, (double) => journal.remove(double.account, double));
}

/** Those that are known from before keep their place in the journal, and need not be read for their hash again. */
function queue(files: readonly Chosen[], known: Map<Chosen, FileRecord>): void {
  const queues = new Set([...known.values()].map((record) => record.queue));
  const mark = (item: UploadItem, chosen: Chosen) => {
    const record = known.get(chosen);
    if (!record) return;
    item.key = { queue: record.queue, number: record.number };
    item.sha256 = record.sha256;
  };
  void uploads.add(files, mark, [...queues].some(wasPaused));
  for (const queue of queues) mine.add(queue);
  notePause(mine, uploads.paused);
}
