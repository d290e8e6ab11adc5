import { afterEach, expect, test, vi } from 'vitest';
import { visitingApi } from '../api/sharing';
import { ProblemError } from '../api';
import type { AssetColumns, ShareOpened } from '../api/types';
import { OpenedLink, viewedOf } from './opened.svelte';

afterEach(() => void vi.restoreAllMocks());

const refused = (name: string, status = 404) => new ProblemError({ type: `urn:picup:${name}`, title: name, status, detail: '' });
const opened = (right: string): ShareOpened => ({
  by: 'Ada',
  count: 1,
  download: false,
  access_token: right,
  access_expires_at: '',
  media_seconds: 300,
});
const PAGE = {
  id: ['a'],
  day: ['2026-05-01'],
  kind: ['photo'],
  state: ['ready'],
  ratio: [1],
  placeholder: [null],
  duration_ms: [null],
  version: [1],
  favourite: [false],
  motion: [false],
  owner: ['ada'],
  right: ['Policy=x'],
} satisfies AssetColumns;

test('a link is opened by its token, and what it shows is asked for by the right that gave', async () => {
  const open = vi.spyOn(visitingApi, 'open').mockResolvedValue(opened('right'));
  const assets = vi.spyOn(visitingApi, 'assets').mockResolvedValue(PAGE);
  const link = new OpenedLink('token');
  await link.open();
  expect([link.phase, link.list?.entries.length]).toEqual(['open', 1]);
  expect(open).toHaveBeenCalledWith('token', undefined);
  expect(assets.mock.calls[0]?.[0]).toBe('right');
});

test('a password is asked for, and asked for again while it is wrong', async () => {
  const open = vi.spyOn(visitingApi, 'open').mockRejectedValueOnce(refused('link-password-needed', 401));
  vi.spyOn(visitingApi, 'assets').mockResolvedValue(PAGE);
  const link = new OpenedLink('token');
  await link.open();
  expect(link.phase).toBe('password');
  open.mockRejectedValueOnce(refused('wrong-link-password', 401)).mockResolvedValueOnce(opened('right'));
  await expect(link.enter('a guess')).rejects.toThrow('wrong-link-password');
  expect(link.phase).toBe('password');
  await link.enter('the one');
  expect([link.phase, open.mock.calls.at(-1)]).toEqual(['open', ['token', 'the one']]);
});

test('a right that has ended is asked for once more, by what is known already', async () => {
  const open = vi.spyOn(visitingApi, 'open').mockResolvedValueOnce(opened('old')).mockResolvedValueOnce(opened('new'));
  vi.spyOn(visitingApi, 'assets').mockImplementation(async (right) => {
    if (right === 'old') throw refused('link-over');
    return PAGE;
  });
  const link = new OpenedLink('token');
  await link.open();
  expect([link.phase, link.list?.entries.length, open.mock.calls.length]).toEqual(['open', 1, 2]);
});

test('a link that is revoked while it is looked at is over', async () => {
  const open = vi.spyOn(visitingApi, 'open').mockResolvedValueOnce(opened('right')).mockRejectedValue(refused('link-over'));
  vi.spyOn(visitingApi, 'assets').mockResolvedValue(PAGE);
  vi.spyOn(visitingApi, 'asset').mockRejectedValue(refused('link-over'));
  const link = new OpenedLink('token');
  await link.open();
  await expect(link.asset('a', new AbortController().signal)).rejects.toThrow('link-over');
  expect([link.phase, open.mock.calls.length]).toEqual(['over', 2]);
  expect(new OpenedLink('').phase).toBe('over');
});

test('what is shared without its original has none', () => {
  const shared = { id: 'a', kind: 'video', state: 'ready', day: '2026-05-01', preview: '/media/ada/a/view/preview.1.jpg?x' } as const;
  expect(viewedOf(shared)).toMatchObject({ owner: 'ada', captured: { local: '2026-05-01' }, media: { preview: shared.preview } });
  expect(viewedOf(shared).media.original).toBeUndefined();
  const original = { file_name: 'a.mp4', bytes: 7, url: '/media/ada/a/file/original.1.mp4?x' };
  expect(viewedOf({ ...shared, original })).toMatchObject({ file_name: 'a.mp4', media: { original: original.url } });
});
