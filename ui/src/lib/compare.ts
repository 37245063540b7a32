// Which values are more common among chosen traces than among the others. Pure.

import type { TraceRow } from './types.ts';

export interface Difference {
  field: string;
  value: string;
  /** Shares between 0 and 1. */
  inside: number;
  outside: number;
}

/** What a trace row says of itself, as terms that the search bar understands. */
function* values(row: TraceRow): Generator<[string, string]> {
  if (row.root_name) yield ['name', row.root_name];
  if (row.http_status) yield ['http_status', String(row.http_status)];
  yield ['error', row.error_count > 0 ? 'true' : 'false'];
  for (const service of row.services) yield ['service', service];
}

export function differences(rows: TraceRow[], isInside: (row: TraceRow) => boolean, most = 6): Difference[] {
  const counts = new Map<string, { field: string; value: string; inside: number; outside: number }>();
  let inside = 0;
  let outside = 0;
  for (const row of rows) {
    const chosen = isInside(row);
    if (chosen) inside += 1;
    else outside += 1;
    for (const [field, value] of values(row)) {
      const key = `${field}\0${value}`;
      const entry = counts.get(key) ?? { field, value, inside: 0, outside: 0 };
      if (chosen) entry.inside += 1;
      else entry.outside += 1;
      counts.set(key, entry);
    }
  }
  if (!inside || !outside) return [];
  return [...counts.values()]
    .map((one) => ({ ...one, inside: one.inside / inside, outside: one.outside / outside }))
    .filter((one) => one.inside - one.outside > 0.05)
    .sort((a, b) => b.inside - b.outside - (a.inside - a.outside))
    .slice(0, most);
}
