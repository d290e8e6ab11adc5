// The System page: one look tells an admin whether the whole is well, and what is not is shown with what to do.
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { allShown, choose, expect, picture, setUp, signIn, spotless, test, uploaded, usePicup, type Page } from './picup';
import { photographs } from './samples';

const picup = usePicup();

const PLACE = '#/admin/system';
const REPORT = '**/api/admin/system';

async function open(page: Page): Promise<void> {
  await page.goto(new URL(PLACE, picup.current.origin).href);
  await expect(page.getByRole('region', { name: /^(Database|데이터베이스)$/ })).toBeVisible();
}

const row = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

/** What the server says, with something in it changed: what is hard to break on purpose. */
// The page asks again and again: what is under way at the end of a test has nobody to answer to.
test.afterEach(({ page }) => page.unrouteAll({ behavior: 'ignoreErrors' }));

async function altered(page: Page, alter: (report: Report) => void): Promise<void> {
  await page.route(REPORT, async (route) => {
    const response = await route.fetch();
    const report = (await response.json()) as Report;
    alter(report);
    await route.fulfill({ response, json: report });
  });
}

interface Row {
  state: string;
  advice: { code: string; state: string; detail: string }[];
}
interface Report {
  state: string;
  backup: Row & { destinations: object[] };
  queue: Row & { kinds: object[]; failed: object[] };
  media: Row & { assets: Record<string, number>; damaged: object[] };
  accounts: Row & { near_quota: object[]; near_quota_count: number };
}

/** One that is well, and one that is not. */
function destinations(): object[] {
  const said = (code: string, state: string, detail: string) => ({ code, state, detail });
  const well = {
    state: 'good',
    advice: [],
    name: 'disk',
    place: '/mnt/disk/picup',
    encrypted: false,
    paused: false,
    enrolled: true,
    kept: { copies: 36_912, bytes: 98_700_000_000 },
    waiting: { copies: 0, bytes: 0 },
    failing: { copies: 0, bytes: 0 },
    errors: [],
    last_verified_seconds: 2_100_000,
    catalogue_age_seconds: 1_400,
    bytes_per_second: 87_000_000,
    latency_ms: 3.4,
    restore_seconds: 1_134,
    drill: { ok: true, age_seconds: 1_000_000, seconds: 1_134, note: '36912 objects came back as they were' },
  };
  const object = 'media/01890a5d-ac96-774b-bcce-b302099a8057/01890a5d-ac96-774b-bcce-b302099a8058/file/original.1.jpg';
  const ill = {
    ...well,
    state: 'bad',
    advice: [
      said('backup-failing', 'bad', '2 copies failed and are tried again; for why, see: picup backup status'),
      said('backup-behind', 'attention', 'the oldest copy that is to be made has waited for 3 days; see: picup backup status'),
      said('removals-held', 'attention', '700 copies of what was deleted stay; if that was meant, run: picup backup confirm-removals offsite'),
      said('drill-never', 'attention', 'nobody knows yet whether one works; run: picup backup drill offsite'),
    ],
    name: 'offsite',
    place: 's3://a-rather-long-name-of-a-family-backup/picup/photos',
    encrypted: true,
    enrolled: false,
    waiting: { copies: 12_345, bytes: 33_000_000_000 },
    failing: { copies: 2, bytes: 7_000_000 },
    errors: [{ object, attempts: 9, error: 'the service refuses: 403 AccessDenied' }],
    backlog_age_seconds: 270_000,
    removals_held: 700,
    drill: null,
  };
  return [well, ill];
}

function worst(report: Report): void {
  const said = (code: string) => [{ code, state: 'attention', detail: `what the server found about ${code}` }];
  report.state = 'bad';
  Object.assign(report.queue, {
    state: 'attention',
    advice: said('jobs-given-up'),
    kinds: [
      { kind: 'process', waiting: 12_345, running: 2, given_up: 7 },
      { kind: 'erase_account', waiting: 1, running: 0, given_up: 0 },
    ],
    failed: Array.from({ length: 7 }, (_, number) => ({
      id: `0190aaaa-0000-7000-8000-00000000000${number}`,
      kind: 'process',
      attempts: 8,
      error: 'the media child failed: the file made its decoder crash, and_a_very_long_word_without_any_space_in_it_that_has_to_be_broken',
      since: '2026-11-03T14:00:00Z',
      account: 'a-rather-long-address-of-somebody@photographs.example.org',
      asset: '0190aaaa-0000-7000-8000-000000000001',
    })),
  });
  Object.assign(report.backup, { state: 'good', advice: [], destinations: destinations() });
  Object.assign(report.media, {
    state: 'attention',
    advice: [...said('assets-damaged'), { code: 'ffmpeg', state: 'attention', detail: 'ffmpeg does not run (No such file or directory): videos get no poster. Install the package ffmpeg, or set its path' }],
    damaged: [{ account: 'bob@example.org', assets: 3 }],
  });
  report.media.assets['damaged'] = 3;
  Object.assign(report.accounts, {
    state: 'attention',
    advice: said('quota-full'),
    near_quota: [
      { account: 'bob@example.org', held_bytes: 10_000_000_000, quota_bytes: 10_000_000_000 },
      { account: 'eve@example.org', held_bytes: 9_100_000_000, quota_bytes: 10_000_000_000 },
    ],
    near_quota_count: 2,
  });
}

test('an admin sees that all is well, and later that it still is', async ({ page }) => {
  await setUp(page, picup.current);
  await choose(page, photographs(3));
  await uploaded(page);
  await allShown(page);
  await page.clock.install();
  await open(page);
  await expect(row(page, 'Database')).toContainText('SQLite');
  await expect(row(page, 'Database')).toContainText('Good');
  await expect(row(page, 'Photos and videos')).toContainText(/Ready\s*3/);
  await expect(row(page, 'Photo store').getByRole('meter', { name: 'Used' })).toBeVisible();
  await expect(row(page, 'Accounts')).toContainText(/Accounts\s*1/);
  await expect(page.getByText(/^As of \d/)).toBeVisible();
  const asked = page.waitForRequest(REPORT);
  await page.clock.runFor(10_000);
  await asked;
  const again = page.waitForRequest(REPORT);
  await page.getByRole('button', { name: 'Look again' }).click();
  await again;
});

test('a server that is away is said to be, and what was known stays', async ({ page, watch }) => {
  watch.expects(/ERR_FAILED/);
  await signIn(page, picup.current);
  await page.clock.install();
  await open(page);
  await page.route('**/{api,live}{,/**}', (route) => route.abort());
  await page.clock.runFor(10_000);
  await expect(page.getByText(/^The server does not answer/)).toBeVisible();
  await expect(row(page, 'Database')).toContainText('SQLite');
  await page.unroute('**/{api,live}{,/**}');
  await page.clock.runFor(20_000);
  await expect(page.getByText(/^As of \d/)).toBeVisible();
});

test('without copies elsewhere it is said plainly, and with some each destination has its row', async ({ page }) => {
  await signIn(page, picup.current);
  await open(page);
  await expect(row(page, 'Backup')).toContainText('Photos are kept in one place alone');
  await altered(page, worst);
  await page.reload();
  const disk = page.getByRole('region', { name: /Backup: .*disk/ });
  await expect(disk).toContainText(/Copies kept\s*36,912 copies, .*98.7 GB/);
  await expect(disk).toContainText(/Last rehearsal\s*11 days ago/);
  await expect(page.getByRole('region', { name: /Backup: .*offsite/ })).toContainText('picup backup confirm-removals offsite');
  await expect(row(page, 'Backup')).toHaveCount(0);
});

test('a store that is gone is seen at once', async ({ page }) => {
  await signIn(page, picup.current);
  const objects = join(picup.current.folder, 'data', 'objects');
  const away = join(picup.current.folder, 'away');
  expect(existsSync(objects)).toBe(true);
  renameSync(objects, away);
  try {
    await expect(async () => {
      await open(page);
      await page.reload();
      await expect(row(page, 'Photo store')).toContainText('Does not work', { timeout: 3_000 });
    }).toPass();
    await expect(row(page, 'Photo store')).toContainText('gone from its place');
    await expect(page.getByText('Something does not work')).toBeVisible();
  } finally {
    renameSync(away, objects);
  }
});

test('jobs that were given up are seen with their errors and tried again', async ({ page }) => {
  await signIn(page, picup.current);
  await altered(page, worst);
  const asked: unknown[] = [];
  await page.route('**/api/admin/system/jobs/retry', async (route) => {
    asked.push(route.request().postDataJSON());
    await route.fulfill({ json: { retried: 1, left: 6 } });
  });
  await open(page);
  const jobs = row(page, 'Jobs');
  await expect(jobs).toContainText('Some jobs failed too often');
  await expect(jobs.getByText(/made its decoder crash/)).toHaveCount(5);
  await jobs.getByRole('button', { name: 'Show all 7' }).click();
  await expect(jobs.getByText(/made its decoder crash/)).toHaveCount(7);
  await jobs.getByRole('button', { name: 'Try again', exact: true }).first().click();
  await expect(page.getByText('1 job is tried again')).toBeVisible();
  await jobs.getByRole('button', { name: 'Try all again' }).click();
  await expect.poll(() => asked).toEqual([{ jobs: ['0190aaaa-0000-7000-8000-000000000000'] }, {}]);
});

const VARIETIES = [
  { name: 'desk, English, light', viewport: { width: 1440, height: 900 }, locale: 'en-GB', colorScheme: 'light' },
  { name: 'phone, Korean, dark', viewport: { width: 390, height: 844 }, locale: 'ko-KR', colorScheme: 'dark' },
  { name: 'small phone, English, light', viewport: { width: 320, height: 640 }, locale: 'en-GB', colorScheme: 'light' },
  { name: 'desk, Korean, dark', viewport: { width: 1440, height: 900 }, locale: 'ko-KR', colorScheme: 'dark' },
] as const;

for (const { name, ...use } of VARIETIES) {
  test.describe(name, () => {
    test.use({ ...use, contextOptions: { reducedMotion: 'reduce' } });

    test(`well and not well: ${name}`, async ({ page }) => {
      await signIn(page, picup.current);
      await open(page);
      await good(page, `system well, ${name}`);
      await altered(page, worst);
      await page.reload();
      await expect(page.getByText('bob@example.org').first()).toBeVisible();
      await good(page, `system not well, ${name}`);
    });
  });
}

async function good(page: Page, what: string): Promise<void> {
  await spotless(page, what);
  await picture(page, what, { fullPage: true });
}
