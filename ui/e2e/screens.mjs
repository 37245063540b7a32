// The screens that axe and the screenshots look at, in states that only need realistic data.

import { api, errorWithTrace, need } from './browser.mjs';

export async function screens(page) {
  const error = await errorWithTrace(page);
  const to = Date.now();
  const range = `from=${to - 3_600_000}&to=${to}`;
  const metrics = JSON.parse(await api(page, `metrics?${range}`)).metrics;
  const metric = metrics.find((one) => one.kind === 'histogram') ?? metrics[0];
  const tasks = JSON.parse(await api(page, `tasks?${range}`));
  const task = tasks.clusters.flatMap((one) => one.services).flatMap((one) => one.tasks)[0];
  const host = tasks.hosts[0];
  const pipelines = JSON.parse(await api(page, 'pipelines'));
  const destination = pipelines.destinations[0];
  const sql = encodeURIComponent('SELECT service, count(*) AS n FROM logs GROUP BY service');
  const who = task ? `task=${task.task}` : host ? `host=${encodeURIComponent(host.name)}` : '';

  return [
    { name: 'home', hash: '/home', ready: (at) => need(at.getByRole('heading', { name: 'Send more' }), 'Home') },
    { name: 'logs', hash: '/logs', ready: (at) => need(at.locator('[role=row][data-seq]'), 'log records') },
    { name: 'logs-detail', hash: `/logs?q=${encodeURIComponent('severity:ERROR')}&sel=${error.seq}&selat=${error.time}`, ready: (at) => need(at.locator('[data-trace-link]'), 'the detail') },
    { name: 'logs-patterns', hash: '/logs?tab=patterns', ready: (at) => need(at.getByRole('grid', { name: 'Patterns' }).locator('[data-index]'), 'patterns') },
    { name: 'logs-fields', hash: '/logs?tab=fields', ready: (at) => need(at.locator('.fields td'), 'fields') },
    { name: 'logs-query', hash: `/logs?tab=query&lang=sql&query=${sql}`, ready: (at) => need(at.getByRole('grid', { name: 'Answer' }), 'the answer') },
    { name: 'logs-refused', hash: `/logs?q=${encodeURIComponent('service:api (timeout')}`, ready: (at) => need(at.getByRole('alert'), 'the refused search') },
    { name: 'traces', hash: '/traces', ready: (at) => need(at.getByRole('grid', { name: 'Traces' }).locator('[data-index]'), 'traces') },
    { name: 'trace', hash: `/trace/${error.trace_id}?span=${error.span_id ?? ''}`, ready: (at) => need(at.locator('[role=treegrid] [data-span]'), 'spans') },
    { name: 'trace-logs', hash: `/trace/${error.trace_id}?span=${error.span_id ?? ''}&stab=logs`, ready: (at) => need(at.locator('[data-span-logs]'), 'logs of the span') },
    { name: 'trace-flame', hash: `/trace/${error.trace_id}?view=flame`, ready: (at) => need(at.locator('.flame canvas'), 'the flame chart') },
    { name: 'metrics', hash: metric ? `/metrics?m=${encodeURIComponent(metric.name)}` : '/metrics', ready: (at) => (metric ? need(at.locator('.plot canvas'), 'a chart') : undefined) },
    { name: 'tasks', hash: `/tasks?${who}`, ready: (at) => (who ? need(at.getByRole('treegrid').locator('[data-index]'), 'tasks') : undefined) },
    { name: 'pipelines', hash: `/pipelines?id=${encodeURIComponent(destination?.id ?? '')}`, ready: (at) => need(at.locator('.place'), 'the topology') },
  ];
}
