// What a task or a host used, named for readers.

import type { UsageSeries } from './types.ts';

export const USAGE_NAMES: Record<UsageSeries['what'], string> = {
  cpu: 'CPU',
  memory: 'Memory',
  network_in: 'Network in',
  network_out: 'Network out',
  restarts: 'Restarts',
};

export const USAGE_ORDER = Object.keys(USAGE_NAMES) as UsageSeries['what'][];

export function seriesName(series: UsageSeries): string {
  return series.container ? `${USAGE_NAMES[series.what]} · ${series.container}` : USAGE_NAMES[series.what];
}

/** The series of a kind that matter for a container: its own, else those of the whole task. */
export function ofKind(series: UsageSeries[], what: UsageSeries['what'], container?: string | null): UsageSeries[] {
  const kind = series.filter((one) => one.what === what && one.points.length);
  const own = container ? kind.filter((one) => one.container === container) : [];
  return own.length ? own : kind;
}
