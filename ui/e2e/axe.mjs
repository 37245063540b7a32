// axe on each screen in both themes, wide and at 320 pixels: nothing serious or critical, and nothing wider than the page.

import { base, Failed, need, open, run } from './browser.mjs';
import { check, SIZES, tooWide } from './faults.mjs';
import { screens } from './screens.mjs';

const SETTLE_MS = 700;
/** After another size or theme: nothing is fetched anew. */
const TURN_MS = 250;

await run('axe', async (page) => {
  await page.goto(base);
  await need(page.locator('main'), 'the console');
  const found = [];
  const look = async (name) => {
    await page.waitForTimeout(SETTLE_MS);
    for (const viewport of SIZES) {
      await page.setViewportSize(viewport);
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.waitForTimeout(TURN_MS);
        const where = `${name}, ${colorScheme}, ${viewport.width} px`;
        for (const fault of [...(await check(page)), ...(await tooWide(page))]) found.push(`${where}: ${fault}`);
      }
    }
  };
  for (const { name, hash, ready } of await screens(page)) {
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
  if (found.length) throw new Failed(`${found.length} faults:\n  ${found.join('\n  ')}`);
});
