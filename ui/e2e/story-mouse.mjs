// One request's story with nothing but the mouse: an error in Logs, its trace, the span, the span's logs, the task's CPU.

import { assert, base, need, place, run } from './browser.mjs';

const ROWS_TRIED = 12;

await run('story with the mouse', async (page) => {
  await page.goto(base);
  await (await need(page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: 'Logs' }), 'Logs on the rail')).click();
  await (await need(page.locator('button.value[data-field=severity][data-value=ERROR]'), 'ERROR among the facets of severity')).click();
  await need(page.locator('[role=row][data-severity=ERROR]'), 'errors in the list');
  await page.waitForFunction(() => [...document.querySelectorAll('[role=row][data-severity]')].every((row) => row.dataset.severity === 'ERROR'));

  const traced = page.locator('[role=row][data-severity=ERROR][data-trace]');
  await need(traced, 'an error with a trace id');
  let spans = 0;
  for (let i = 0; i < Math.min(ROWS_TRIED, await traced.count()) && !spans; i += 1) {
    await traced.nth(i).click();
    await need(page.getByRole('complementary', { name: 'Log record' }), 'the detail of the error');
    await need(page.getByText(/at that moment/).first(), 'the part about its task or host');
    await (await need(page.locator('[data-trace-link]'), 'the link to its trace')).click();
    await page.waitForFunction(() => document.querySelector('[role=treegrid] [data-span], .empty'));
    spans = await page.locator('[role=treegrid] [data-span]').count();
    // A trace may be sampled away while its logs stay.
    if (!spans) {
      await page.goBack();
      await need(traced, 'the list again');
    }
  }
  assert(spans > 0, `none of the first ${ROWS_TRIED} errors leads to a trace with spans`);
  assert(place(page).params.get('at'), 'the range around the event is in the address of the trace');

  const chosen = page.locator('[role=treegrid] [role=row][aria-selected=true]');
  await need(chosen, 'a chosen span');
  await need(page.getByRole('complementary', { name: 'Span' }), 'the detail of the span');
  await page.getByRole('tab', { name: /^Logs/ }).click();
  const list = await need(page.locator('[data-span-logs]'), 'the logs of the span');
  assert(Number(await list.getAttribute('data-span-logs')) > 0, 'the span that wrote the error has logs');

  await page.getByRole('tab', { name: /^Span/ }).click();
  const usage = page.locator('aside [data-usage]');
  const link = await need(page.locator('aside [data-tasks-link]'), 'the link to the task or host around this moment');
  await page.waitForTimeout(500);
  if (!(await usage.count())) console.log('note: no usage was recorded for this task or host, so its chart is not looked at');
  await link.click();
  await need(page.getByRole('treegrid', { name: /Clusters/ }), 'the tree of tasks');
  const { path, params } = place(page);
  assert(path === '/tasks' && (params.get('task') || params.get('host')), 'the Tasks screen names the task or the host');
  assert(params.get('at'), 'the range around the event came along to Tasks');
  await need(page.getByText(/^Around /), 'the range button saying "Around"');

  await (await need(page.locator('[data-logs-link]'), 'the link to the logs of the task')).click();
  await need(page.locator('[role=row][data-severity]'), 'logs of the task around the event');
  assert(place(page).params.get('at'), 'the range around the event came along to Logs');
});
