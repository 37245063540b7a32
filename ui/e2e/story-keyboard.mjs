// The same story with nothing but the keyboard, as the table of keys promises it.

import { assert, base, need, place, run } from './browser.mjs';

const ROWS_TRIED = 40;
const TABS_TRIED = 80;

await run('story with the keyboard', async (page) => {
  const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  const focused = (selector) => page.evaluate((selector) => !!document.activeElement?.closest(selector), selector);

  await page.goto(base);
  await need(page.getByRole('heading', { level: 1 }), 'the console');
  await press('Tab');
  assert(await focused('.skip'), 'the first stop of Tab is the link that skips to the content');

  await press('g', 'l');
  await need(page.getByRole('combobox', { name: /Search logs/ }), 'the search bar of Logs');
  await press('/');
  assert(await focused('[role=combobox]'), 'the key / leads to the search bar');
  await page.keyboard.type('severity:ERROR exists:trace_id');
  await press('Enter');
  await page.waitForFunction(() => location.hash.includes('q='));
  await need(page.locator('[role=row][data-severity=ERROR][data-trace]'), 'errors with a trace id');
  await page.waitForFunction(() => [...document.querySelectorAll('[role=row][data-severity]')].every((row) => row.dataset.severity === 'ERROR'));
  await press('Escape', 'j');
  await page.waitForFunction(() => document.activeElement?.matches('[role=row][data-seq]'));

  let spans = 0;
  for (let i = 0; i < ROWS_TRIED && !spans; i += 1) {
    await press('j');
    if (!(await focused('[data-trace]'))) continue;
    if (i === 0) {
      await press('Enter');
      await need(page.getByRole('complementary', { name: 'Log record' }), 'the detail, opened with Enter');
      await press('Escape');
      await page.getByRole('complementary', { name: 'Log record' }).waitFor({ state: 'detached' });
      await page.waitForFunction(() => document.activeElement?.matches('[role=row]'));
    }
    await press('t');
    await page.waitForFunction(() => document.querySelector('[role=treegrid] [data-span], .empty'));
    spans = await page.locator('[role=treegrid] [data-span]').count();
    if (!spans) {
      await page.goBack();
      await need(page.locator('[role=row][data-trace]'), 'the list again');
      await press('j');
    }
  }
  assert(spans > 0, `none of the first ${ROWS_TRIED} errors leads to a trace with spans`);
  assert(place(page).params.get('at'), 'the range around the event is in the address of the trace');

  await page.waitForFunction(() => document.activeElement?.matches('[role=treegrid] [role=row]'));
  const before = await page.evaluate(() => document.activeElement.dataset.index);
  await press(before === '0' ? 'ArrowDown' : 'ArrowUp');
  if (spans > 1) await page.waitForFunction((before) => document.activeElement?.dataset.index !== before, before);
  await press(before === '0' ? 'ArrowUp' : 'ArrowDown', 'Enter');

  await press('l');
  const list = await need(page.locator('[data-span-logs]'), "the span's logs, by the key l");
  assert(Number(await list.getAttribute('data-span-logs')) > 0, 'the span that wrote the error has logs');
  await page.waitForFunction(() => document.activeElement?.matches('[data-span-logs] a'));
  await press('Enter');
  await need(page.getByRole('complementary', { name: 'Log record' }), 'the record in Logs, opened from the span');
  assert(place(page).path === '/logs', 'Enter on a log of the span opens it in Logs');

  await need(page.locator('[data-tasks-link]'), 'the link to the task or host around this moment');
  let there = false;
  for (let i = 0; i < TABS_TRIED && !there; i += 1) {
    await press('Tab');
    there = await focused('[data-tasks-link]');
  }
  assert(there, `Tab reaches the link to the task within ${TABS_TRIED} presses`);
  await press('Enter');
  await need(page.getByRole('treegrid', { name: /Clusters/ }), 'the tree of tasks');
  assert(place(page).params.get('at'), 'the range around the event came along to Tasks');

  await press('?');
  await need(page.getByRole('dialog', { name: 'All keys' }), 'the list of keys');
  await press('Escape');
  await page.getByRole('dialog', { name: 'All keys' }).waitFor({ state: 'detached' });
  await press('Control+k');
  await need(page.getByRole('dialog', { name: 'Palette' }), 'the palette');
  await page.keyboard.type('go to home');
  await press('Enter');
  await need(page.getByRole('heading', { level: 1, name: 'Home' }), 'Home, chosen in the palette');
});
