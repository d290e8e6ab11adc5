// Looks that a person chooses for the whole system: larger text, more contrast, the system's own few colours, no motion, a very small and a
// very large screen. And where the focus goes, and what the tab is called, as one walks through the pages.
import { accessible, allShown, choose, expect, setUp, signIn, still, test, uploaded, usePicup, type Page } from './picup';
import { photographs } from './samples';

const picup = usePicup();

/** Pages of somebody who is signed in, by address, and what their tab is called. */
const PAGES: [address: string, title: string][] = [
  ['#/', 'Photos'],
  ['#/albums', 'Albums'],
  ['#/favourites', 'Favourites'],
  ['#/trash', 'Trash'],
];

test.beforeAll(async ({ browser }) => {
  const page = await browser.newPage();
  await setUp(page, picup.current);
  await choose(page, photographs(12));
  await uploaded(page);
  await allShown(page);
  await page.close();
});

async function visit(page: Page, address: string): Promise<void> {
  await page.goto(`${picup.current.origin}/${address}`);
  await expect(page.locator('main h1').first()).toBeAttached();
  await still(page);
}

/** No page is wider than the screen, and no words are cut off in what one reads or presses. */
async function fits(page: Page, what: string): Promise<void> {
  const { over, cut } = await page.evaluate(() => {
    const shown = (one: Element) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const outside = (one: Element) => {
      const { left, right, width } = one.getBoundingClientRect();
      return width > 1 && (left < -1 || right > innerWidth + 1);
    };
    // What can be pushed along within its own bar is within reach.
    const slides = (one: Element) => {
      const bar = one.closest('nav');
      return bar !== null && bar.scrollWidth > bar.clientWidth && getComputedStyle(bar).overflowX === 'auto';
    };
    const readable = [...document.querySelectorAll('button, a, label, h1, h2, p, input')];
    return {
      over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      cut: readable.filter((one) => shown(one) && !one.closest('.hidden, [inert]') && outside(one) && !slides(one)).map((one) => one.outerHTML.slice(0, 120)),
    };
  });
  expect.soft(over, `${what} is no wider than the screen`).toBeLessThanOrEqual(0);
  expect.soft(cut, `${what} leaves nothing outside`).toEqual([]);
}

test.describe('text twice as large on the smallest phone', () => {
  test.use({ viewport: { width: 320, height: 640 }, contextOptions: { reducedMotion: 'reduce' } });

  test('everything can be read and reached', async ({ page }) => {
    // As in the browser's own settings, not by zoom.
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Page.setFontSizes', { fontSizes: { standard: 32 } });
    await page.goto(picup.current.origin);
    await expect(page.locator('form')).toBeVisible();
    expect(await page.evaluate(() => parseFloat(getComputedStyle(document.documentElement).fontSize)), 'the text grows').toBe(30);
    await fits(page, 'sign-in');
    await page.screenshot({ path: 'artifacts/large-text-sign-in.png' });
    await signIn(page, picup.current);
    await allShown(page);
    for (const [address, title] of PAGES) {
      await visit(page, address);
      await fits(page, title);
      await page.screenshot({ path: `artifacts/large-text-${title}.png` });
    }
    await page.locator('.who').click();
    await fits(page, 'the menu');
    await page.screenshot({ path: 'artifacts/large-text-menu.png' });
  });
});

test.describe('a very large screen', () => {
  test.use({ viewport: { width: 3840, height: 2160 } });

  test('nothing is stretched', async ({ page }) => {
    await page.goto(picup.current.origin);
    const form = page.locator('form');
    await expect(form).toBeVisible();
    expect((await form.boundingBox())?.width).toBeLessThan(600);
    await signIn(page, picup.current);
    await allShown(page);
    const heights = await page.locator('.tile').evaluateAll((all) => all.map((one) => one.getBoundingClientRect().height));
    expect(Math.max(...heights), 'rows stay rows of small pictures').toBeLessThan(520);
    for (const [address, title] of PAGES) {
      await visit(page, address);
      // Lines that are too long cannot be followed back to their beginning.
      const long = await page.evaluate(() =>
        [...document.querySelectorAll('main p')].filter((one) => one.getBoundingClientRect().width > 1200).map((one) => one.outerHTML.slice(0, 120)),
      );
      expect(long, title).toEqual([]);
      await page.screenshot({ path: `artifacts/4k-${title}.png` });
    }
  });
});

test.describe('the system’s own colours', () => {
  test.use({ contextOptions: { forcedColors: 'active', reducedMotion: 'reduce' } });

  test('what can be pressed has an edge, and the focus is seen', async ({ page }) => {
    await signIn(page, picup.current);
    await allShown(page);
    const bare = await page.evaluate(() =>
      [...document.querySelectorAll('.button, .round, .who')]
        .filter((one) => one.checkVisibility() && parseFloat(getComputedStyle(one).borderTopWidth) < 1)
        .map((one) => one.outerHTML.slice(0, 120)),
    );
    expect(bare).toEqual([]);
    const current = page.locator('nav [aria-current=page]').first();
    expect(await current.evaluate((one) => getComputedStyle(one).outlineStyle)).toBe('solid');
    const day = page.getByRole('checkbox').first();
    await expect(day.locator('svg'), 'not ticked').toBeHidden();
    await day.press('Space');
    await expect(day.locator('svg'), 'ticked').toBeVisible();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => parseFloat(getComputedStyle(document.activeElement ?? document.body).outlineWidth))).toBeGreaterThanOrEqual(2);
    await accessible(page, 'the timeline in forced colours');
    await page.screenshot({ path: 'artifacts/forced-colours.png' });
  });
});

test.describe('more contrast', () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    test.describe(colorScheme, () => {
      test.use({ colorScheme, contextOptions: { contrast: 'more', reducedMotion: 'reduce' } });

      test(`quiet words are seen as well: ${colorScheme}`, async ({ page }) => {
        await signIn(page, picup.current);
        await allShown(page);
        // 7 to 1, level AAA, for the colours that every part shares.
        const ratios = await page.evaluate(contrasts, ['--ink', '--soft', '--accent', '--danger', '--field-line']);
        for (const [name, ratio] of Object.entries(ratios)) expect(ratio, name).toBeGreaterThanOrEqual(7);
        await page.screenshot({ path: `artifacts/more-contrast-${colorScheme}.png` });
      });
    });
  }
});

test.describe('no motion', () => {
  test.use({ contextOptions: { reducedMotion: 'reduce' } });

  test('nothing moves for longer than a blink', async ({ page }) => {
    await signIn(page, picup.current);
    await allShown(page);
    await page.evaluate(() => {
      const longest = { ms: 0 };
      Object.assign(window, { longest });
      for (const type of ['transitionrun', 'animationstart']) {
        addEventListener(
          type,
          () => {
            for (const one of document.getAnimations()) {
              const { duration } = one.effect?.getComputedTiming() ?? {};
              if (typeof duration === 'number') longest.ms = Math.max(longest.ms, duration);
            }
          },
          true,
        );
      }
    });
    await page.locator('.tile').first().hover();
    await page.locator('[data-asset]').first().click();
    await expect(page.locator('.slide[aria-hidden=false] .preview.shown')).toBeVisible();
    await page.keyboard.press('i');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await expect(page.locator('dialog')).toBeVisible();
    expect(await page.evaluate(() => (window as unknown as { longest: { ms: number } }).longest.ms)).toBeLessThanOrEqual(1);
  });
});

test('each page is named in the tab, and the focus goes to its heading', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  for (const [address, title] of [...PAGES.slice(1), ...PAGES.slice(0, 1)]) {
    const link = page.locator(`nav a[href="${address}"]`).first();
    await link.focus();
    await page.keyboard.press('Enter');
    await expect(page).toHaveTitle(`${title} · PicUp`);
    await expect(page.locator('main h1').first()).toBeFocused();
  }
});

test('a dialog that closes gives the focus back', async ({ page }) => {
  await signIn(page, picup.current);
  await allShown(page);
  const first = page.locator('[data-asset]').first();
  await first.focus();
  await page.keyboard.press('?');
  await expect(page.locator('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.locator('dialog')).toBeHidden();
  await expect(first).toBeFocused();
  await page.keyboard.press('x');
  await page.keyboard.press('l');
  await expect(page.locator('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.locator('dialog')).toBeHidden();
  await expect(first).toBeFocused();
});

/** Each colour's contrast on the page's ground, as WCAG computes it. */
function contrasts(names: string[]): Record<string, number> {
  const channel = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const brightness = (colour: string) => {
    const probe = document.createElement('i');
    probe.style.color = colour;
    document.body.append(probe);
    const [red = 0, green = 0, blue = 0] = (getComputedStyle(probe).color.match(/[\d.]+/g) ?? []).map((one) => channel(Number(one) / 255));
    probe.remove();
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = brightness('var(--paper)');
  return Object.fromEntries(
    names.map((name) => {
      const [low, high] = [brightness(`var(${name})`), ground].sort((one, other) => one - other);
      return [name, ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05)];
    }),
  );
}
