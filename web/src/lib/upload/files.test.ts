import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { chosenFiles, filesOf } from './entries';
import { sha256Of } from './hash';
import { Meter } from './meter';
import { Unfinished } from './unfinished.svelte';

describe('hashing', () => {
  it('agrees with another implementation, over slices and for nothing', async () => {
    for (const size of [0, 1, 63, 64, 5_000_000, (4 << 20) * 2]) {
      const bytes = new Uint8Array(size).map((_, index) => (index * 31 + (index >> 8)) & 255);
      let read = 0;
      const hash = await sha256Of(new Blob([bytes]), (now) => (read = now));
      expect(hash).toBe(createHash('sha256').update(bytes).digest('hex'));
      expect(read).toBe(size);
    }
  });

  it('stops when told to', async () => {
    await expect(sha256Of(new Blob(['x']), () => undefined, AbortSignal.abort())).rejects.toThrow();
  });
});

describe('what was dropped', () => {
  const file = (name: string) => ({ name, fullPath: `/trip/${name}`, isDirectory: false, file: (done: (file: File) => void) => done(new File([], name)) });
  const folder = (name: string, inside: unknown[]) => ({
    name,
    fullPath: `/trip/${name}`,
    isDirectory: true,
    // As a browser does: at most 100 at a time, and an empty answer at the end.
    createReader: () => {
      const left = [...inside];
      return { readEntries: (done: (some: unknown[]) => void) => done(left.splice(0, 100)) };
    },
  });
  const names = async (entries: unknown[]) => (await filesOf(entries as FileSystemEntry[])).files.map(({ file }) => file.name);

  it('reads all entries of a folder, not the first hundred', async () => {
    const many = Array.from({ length: 350 }, (_, index) => file(`${index}.jpg`));
    expect(await names([folder('trip', [...many, folder('deep', [file('last.jpg')])])])).toHaveLength(351);
  });

  it('tells how far it is, and ends when it is told to', async () => {
    const deep = [0, 1, 2].map((at) => folder(`f${at}`, Array.from({ length: 120 }, (_, index) => file(`${at}-${index}.jpg`))));
    const stop = new AbortController();
    const told: number[] = [];
    const found = (files: number) => {
      told.push(files);
      if (files >= 200) stop.abort();
    };
    const { files } = await filesOf(deep as unknown as FileSystemEntry[], { signal: stop.signal, found });
    expect(told).toEqual([50, 100, 120, 170, 220]);
    expect(files).toHaveLength(220);
  });

  it('passes over what the system left there', async () => {
    const entries = [file('.DS_Store'), file('Thumbs.db'), file('a.jpg'), folder('@eaDir', [file('b.jpg')]), folder('.git', [file('c')])];
    expect(await names(entries)).toEqual(['a.jpg']);
    expect((await filesOf(entries as unknown as FileSystemEntry[])).system).toBe(4);
    const chosen = chosenFiles([new File([], '.hidden'), new File([], 'notes.txt')]);
    expect(chosen.files.map(({ path }) => path)).toEqual(['notes.txt']);
    expect(chosen.system).toBe(1);
  });
});

it('names what could not be read, and takes the rest', async () => {
  const entry = (name: string, readable: boolean) => ({
    name,
    fullPath: `/${name}`,
    isDirectory: false,
    file: (done: (file: File) => void, failed: () => void) => (readable ? done(new File(['x'], name)) : failed()),
  });
  const locked = { name: 'locked', fullPath: '/locked', isDirectory: true, createReader: () => ({ readEntries: (_: unknown, failed: () => void) => failed() }) };
  const { files, unreadable } = await filesOf([locked, entry('a.jpg', true), entry('b.jpg', false)] as unknown as FileSystemEntry[]);
  expect(files.map(({ path }) => path)).toEqual(['a.jpg']);
  expect(unreadable.sort()).toEqual(['b.jpg', 'locked']);
});

describe('what an earlier page left unfinished', () => {
  const chosen = (path: string, text = 'x', lastModified = 7) => {
    const name = path.split('/').at(-1) ?? '';
    return { path, file: new File([text], name, { lastModified }) };
  };
  const record = (path: string, number: number) => {
    const { file } = chosen(path);
    return { account: 'ada', queue: 'q', number, path, name: file.name, bytes: file.size, modified: 7 };
  };
  const left = () => {
    const unfinished = new Unfinished();
    unfinished.add([record('trip/a.jpg', 1), record('trip/deep/a.jpg', 2), record('trip/b.jpg', 3)]);
    return unfinished;
  };

  it('is known by path, size and time', () => {
    const unfinished = left();
    const others = [chosen('trip/a.jpg', 'longer'), chosen('trip/a.jpg', 'x', 8), chosen('trip/c.jpg')];
    expect(unfinished.take(others).size).toBe(0);
    const same = chosen('trip/deep/a.jpg');
    expect(unfinished.take([same]).get(same)?.number).toBe(2);
    expect(unfinished.take([same]).get(same)?.number).toBe(1);
    expect(unfinished.count).toBe(1);
  });

  it('is asked for once, whoever left it', () => {
    const unfinished = left();
    unfinished.add([{ ...record('trip/a.jpg', 1), queue: 'other' }, { ...record('trip/a.jpg', 2), queue: 'third' }]);
    expect(unfinished.count).toBe(3);
    const doubles: string[] = [];
    const same = chosen('trip/a.jpg');
    expect(unfinished.take([same], ({ queue }) => doubles.push(queue)).get(same)?.queue).toBe('q');
    expect(doubles).toEqual(['other', 'third']);
    expect(unfinished.takeAll().map(({ number }) => number)).toEqual([2, 3]);
  });

  it('is known by its name when it was picked by itself', () => {
    const unfinished = left();
    const alone = chosen('b.jpg');
    expect(unfinished.take([alone]).get(alone)?.number).toBe(3);
    expect(unfinished.takeAll().map(({ number }) => number)).toEqual([1, 2]);
    expect([unfinished.count, unfinished.bytes, unfinished.sample]).toEqual([0, 0, []]);
  });
});

describe('the rate', () => {
  it('says nothing at first, then the speed of the last seconds', () => {
    const meter = new Meter();
    meter.note(0, 0);
    expect(meter.rate(500)).toBeUndefined();
    for (let second = 1; second <= 10; second++) meter.note(second * 1000, second * 1000);
    expect(meter.rate(10_000)).toBeCloseTo(1000, -2);
    for (let second = 11; second <= 30; second++) meter.note(10_000 + (second - 10) * 5000, second * 1000);
    expect(meter.rate(30_000)).toBeCloseTo(5000, -2);
  });

  it('sinks when nothing goes', () => {
    const meter = new Meter();
    meter.note(0, 0);
    meter.note(10_000, 2_000);
    expect(meter.rate(8_000)).toBeLessThan(2_000);
  });
});
