// Writes a picture of each screen in both themes, and at 320 pixels, into the folder given as argument.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { base, need, newPage, open, run } from './browser.mjs';
import { screens } from './screens.mjs';

const folder = process.argv[2];
if (!folder) {
  console.error('say into which folder: node e2e/screenshots.mjs FOLDER');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const SETTLE_MS = 1500;

await run('screenshots', async (first, browser, faults) => {
  await first.goto(base);
  await need(first.locator('main'), 'the console');
  const all = await screens(first);
  const looks = [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['narrow', { colorScheme: 'light', viewport: { width: 320, height: 640 } }],
  ];
  for (const [look, options] of looks) {
    const page = await newPage(browser, options, faults);
    for (const { name, hash, ready } of all) {
      await open(page, hash);
      await ready(page);
      await page.waitForTimeout(SETTLE_MS);
      await page.screenshot({ path: join(folder, `${name}-${look}.png`) });
    }
    await page.close();
  }
});
