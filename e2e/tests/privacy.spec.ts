// A photo's address is worth nothing to anyone but its owner.
import { request } from '@playwright/test';
import { allShown, choose, expect, setUp, signIn, test, uploaded, usePicup } from './picup';
import { photographs } from './samples';

const picup = usePicup();

test('another account and a copied address get nothing', async ({ page, browser }) => {
  await setUp(page, picup.current);
  await choose(page, photographs(1));
  await uploaded(page);
  await allShown(page);
  await page.locator('[data-asset]').first().click();
  await expect(page.locator('.preview.shown')).toBeVisible();

  const id = page.url().split('/').at(-1) ?? '';
  const { origin } = picup.current;
  const asset = (await (await page.request.get(`${origin}/api/assets/${id}`)).json()) as { media: Record<string, string> };
  const addresses = Object.values(asset.media).map((path) => origin + path);
  expect(addresses).toHaveLength(4);

  const stranger = await request.newContext();
  picup.current.createUser('bob@example.org', 'nine grey pigeons');
  const other = await browser.newPage();
  await signIn(other, picup.current, 'bob@example.org', 'nine grey pigeons');
  await expect(other.getByRole('heading', { name: 'Your photos will be here' })).toBeVisible();

  for (const address of addresses) {
    expect((await page.request.get(address)).status(), `the owner: ${address}`).toBe(200);
    expect((await stranger.get(address)).status(), `without cookies: ${address}`).toBe(403);
    expect((await other.request.get(address)).status(), `another account: ${address}`).toBe(403);
  }
  expect((await other.request.get(`${origin}/api/assets/${id}`)).status()).toBe(404);
  expect((await stranger.get(`${origin}/api/assets/${id}`)).status()).toBe(401);
  await stranger.dispose();
  await other.close();
});
