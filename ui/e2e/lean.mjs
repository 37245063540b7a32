// The page of pipelines without a lake: with the keyboard to the records before and after a step, and no fault in either
// theme, wide and at 320 pixels. A folder as argument takes pictures.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { api, assert, base, Failed, need, newPage, place, run } from './browser.mjs';
import { check, SIZES, tooWide } from './faults.mjs';

const folder = process.argv[2];
const SETTLE_MS = 1500;
const TABS_TRIED = 40;

async function story(page) {
  await page.goto(base);
  await need(page.locator('.place'), 'the topology');
  const pipelines = JSON.parse(await api(page, 'pipelines'));
  const step = pipelines.pipelines.flatMap((one) => one.steps)[0];
  assert(step, 'the program has no step to look into');

  const isThere = () => page.evaluate((id) => document.activeElement?.matches('.place.step') && document.activeElement.textContent.includes(id), step);
  for (let i = 0; i < TABS_TRIED && !(await isThere()); i += 1) await page.keyboard.press('Tab');
  assert(await isThere(), 'Tab leads to the step');
  await page.keyboard.press('Enter');
  const samples = page.getByRole('region', { name: `Samples at ${step}` });
  await need(samples.locator('pre'), 'records of the step');
  assert(place(page).params.get('id') === step && place(page).params.get('kind') === 'step', 'the step is in the address');
  await need(samples.getByRole('group', { name: 'Before, 1 of' }), 'a record before');
  await need(samples.getByRole('group', { name: 'After, 1 of' }), 'a record after');
  const before = await samples.getByRole('group', { name: /^Before/ }).allTextContents();
  const after = await samples.getByRole('group', { name: /^After/ }).allTextContents();
  assert(before.some((text) => text.includes('password')) && !after.some((text) => text.includes('password')), 'the step takes the password away');
  await need(samples.locator('ins'), 'the mark at what the step changed');

  const times = () => samples.locator('pre').allTextContents();
  const first = (await times()).join();
  await page.waitForFunction((first) => [...document.querySelectorAll('.samples pre')].map((one) => one.textContent).join() !== first, first);
  await page.keyboard.press('h');
  await need(samples.getByRole('button', { name: 'Hold', pressed: true }), 'that they are held');
  await page.keyboard.press('s');
  assert(await page.evaluate(() => document.activeElement?.matches('.samples')), 'the key s leads to the samples');

  await page.reload();
  await need(samples.locator('pre'), 'the same step after a reload');
  await page.keyboard.press('Escape');
  await samples.waitFor({ state: 'detached' });
  assert(await isThere(), 'Escape leads back to the step');
  assert(!place(page).params.get('id'), 'the address is without the step');
}

async function look(browser, faults, hash, name, colorScheme, viewport) {
  const page = await newPage(browser, { viewport, colorScheme, reducedMotion: 'reduce' }, faults);
  await page.goto(new URL(hash, base).href);
  await need(page.locator(hash ? '.samples pre' : '.place'), name);
  await page.waitForTimeout(SETTLE_MS);
  const where = `${name}, ${colorScheme}, ${viewport.width} px`;
  const found = [...(await check(page)), ...(await tooWide(page))].map((fault) => `${where}: ${fault}`);
  if (folder) await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${viewport.width}.png`), fullPage: true });
  await page.close();
  return found;
}

await run('the page of pipelines', async (page, browser, faults) => {
  await story(page);
  if (folder) mkdirSync(folder, { recursive: true });
  const pipelines = JSON.parse(await api(page, 'pipelines'));
  const at = (kind, id) => [`${kind}`, `#/?id=${encodeURIComponent(id)}&kind=${kind}`];
  const states = [
    ['topology', ''],
    at('receiver', pipelines.receivers[0].id),
    at('step', pipelines.pipelines[0].steps[0]),
    at('destination', pipelines.destinations[0].id),
  ];
  const found = [];
  for (const viewport of [...SIZES, { width: 1280, height: 800 }])
    for (const colorScheme of ['light', 'dark'])
      for (const [name, hash] of states) found.push(...(await look(browser, faults, hash, name, colorScheme, viewport)));
  if (found.length) throw new Failed(`${found.length} faults:\n  ${found.join('\n  ')}`);
});
