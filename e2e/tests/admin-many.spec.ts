// An administration of a thousand accounts. Their rows are copies of one, since making a thousand passwords takes minutes.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { accessible, expect, PERSON, setUp, test, usePicup } from './picup';

const picup = usePicup();

const MANY = 1000;
const COPY = `
import sqlite3, sys
base = sqlite3.connect(sys.argv[1], timeout=20)
columns = [row[1] for row in base.execute('PRAGMA table_info(accounts)')]
rows = [dict(zip(columns, base.execute('SELECT * FROM accounts').fetchone()))]
with base:
    for number in range(1, int(sys.argv[2])):
        row = rows[0] | {'id': number.to_bytes(16, 'big'), 'email': f'guest{number:04}@example.org', 'name': f'Guest {number:04}',
                         'role': 'member', 'quota_bytes': 10**10, 'used_bytes': number * 10**7}
        base.execute(f"INSERT INTO accounts ({','.join(row)}) VALUES ({','.join('?' * len(row))})", list(row.values()))
`;

test('one of a thousand accounts is found by typing, and changed', async ({ page }) => {
  await setUp(page, picup.current);
  execFileSync('python3', ['-c', COPY, join(picup.current.folder, 'data', 'picup.db'), String(MANY)], { stdio: 'pipe' });
  await page.goto(`${picup.current.origin}/#/admin/accounts`);
  await expect(page.getByText('1,000 accounts')).toBeVisible();
  const rows = page.getByRole('main').getByRole('listitem');
  // Not all of them stand in the page, and it says that there are more.
  expect(await rows.count()).toBeLessThanOrEqual(200);
  await accessible(page, 'a thousand accounts');

  const find = page.getByRole('searchbox', { name: 'Find by name or e-mail' });
  await find.pressSequentially('  GUEST0987@');
  await expect(rows).toHaveCount(1);
  await expect(rows.first()).toContainText('9.9 GB of 10 GB used');
  await expect(page.getByText('1 account', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Change Guest 0987' }).click();
  await page.getByLabel('Storage limit').fill('1,5tb');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await expect(rows.first()).toContainText('of 1.5 TB used');
  await expect(find).toHaveValue('  GUEST0987@');
  await expect(page.getByRole('button', { name: 'Change Guest 0987' })).toBeFocused();

  await find.fill('nobody at all');
  await expect(rows).toHaveCount(0);
  await expect(page.getByRole('status').filter({ hasText: 'No account matches.' })).toBeVisible();
  await find.fill(PERSON.email);
  await expect(rows).toHaveCount(1);
  await find.fill('');

  // Those that are not shown at first can be come by without knowing their names.
  await expect(async () => {
    const more = page.getByRole('button', { name: /more/i });
    if ((await more.count()) > 0) await more.click();
    else await rows.last().scrollIntoViewIfNeeded();
    expect(await page.getByText('Guest 0500', { exact: true }).count()).toBe(1);
  }).toPass();
});
