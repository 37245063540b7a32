// axe on each screen in both themes, wide and at 320 pixels: nothing serious or critical, and nothing wider than the page.

import { base, Failed, need, newPage, open, run } from './browser.mjs';
import { check, SIZES, tooWide } from './faults.mjs';
import { screens } from './screens.mjs';

const SETTLE_MS = 700;

await run('axe', async (first, browser, faults) => {
  await first.goto(base);
  await need(first.locator('main'), 'the console');
  const all = await screens(first);
  const found = [];
  for (const viewport of SIZES) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await newPage(browser, { viewport, colorScheme, reducedMotion: 'reduce' }, faults);
      const look = async (name) => {
        await page.waitForTimeout(SETTLE_MS);
        const where = `${name}, ${colorScheme}, ${viewport.width} px`;
        for (const fault of [...(await check(page)), ...(await tooWide(page))]) found.push(`${where}: ${fault}`);
      };
      for (const { name, hash, ready } of all) {
        await open(page, hash);
        await ready(page);
        await look(name);
      }
      for (const [name, label] of [['range', 'Time range'], ['scope', 'Scope']]) {
        await page.locator(`button[aria-label^="${label}"]`).click();
        await need(page.getByRole('dialog', { name: new RegExp(label) }), `the box of ${label}`);
        await look(name);
        await page.keyboard.press('Escape');
      }
      await page.keyboard.press('Control+k');
      await need(page.getByRole('dialog', { name: 'Palette' }), 'the palette');
      await look('palette');
      await page.keyboard.press('Escape');
      await page.getByRole('dialog', { name: 'Palette' }).waitFor({ state: 'detached' });
      await page.keyboard.press('?');
      await need(page.getByRole('dialog', { name: 'All keys' }), 'the list of keys');
      await look('keys');
      await page.close();
    }
  }
  if (found.length) throw new Failed(`${found.length} faults:\n  ${found.join('\n  ')}`);
});
