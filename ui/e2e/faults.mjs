// What is wrong with a page as it stands: what axe finds serious or critical, and what is wider than the page.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const SIZES = [{ width: 1440, height: 900 }, { width: 320, height: 640 }];

/** Faults that axe finds, one line each. */
export async function check(page) {
  // By the debugger, since the page's own policy rightly forbids a script from elsewhere.
  await page.evaluate(axe);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return result.violations
    .filter((one) => one.impact === 'serious' || one.impact === 'critical')
    .flatMap((one) => one.nodes.slice(0, 3).map((node) => `${one.impact} ${one.id}: ${node.target.join(' ')} | ${node.failureSummary.split('\n').slice(1, 3).join(' ').trim()}`));
}

export async function tooWide(page) {
  return page.evaluate(() => {
    const wide = [document.documentElement, document.querySelector('main')].filter((one) => one && one.scrollWidth > one.clientWidth + 1);
    return wide.map((one) => `${one.tagName.toLowerCase()} is ${one.scrollWidth} pixels wide on a page of ${one.clientWidth}`);
  });
}
