// A log row's columns and attributes under the names that the search language has for them. Pure.

import type { LogRow } from './types.ts';

/** Columns that the detail shows elsewhere, or that mean nothing to a reader. */
const APART = new Set(['seq', 'time', 'time_ns', 'message', 'body', 'attributes', 'resource', 'attribute_types', 'pattern', 'flags', 'severity_number', 'observed_time']);

export interface Entry {
  /** As in a search: `http_status`, `@order.id`. */
  field: string;
  name: string;
  value: string;
}

/** Rows whose key was not there before: pages and the live tail may overlap. */
export function unseen<R>(rows: R[], have: Iterable<R>, key: (row: R) => string): R[] {
  const keys = new Set<string>();
  for (const row of have) keys.add(key(row));
  return rows.filter((row) => {
    const own = key(row);
    if (keys.has(own)) return false;
    keys.add(own);
    return true;
  });
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function columnEntries(row: LogRow): Entry[] {
  return Object.entries(row)
    .filter(([name, value]) => !APART.has(name) && value !== null && value !== undefined && value !== '')
    .map(([name, value]) => ({ field: name, name, value: textOf(value) }));
}

/** Objects inside attributes are laid flat under dotted names. */
export function attributeEntries(attributes: Record<string, unknown> | undefined, prefix = ''): Entry[] {
  return Object.entries(attributes ?? {}).flatMap(([key, value]) => {
    const name = prefix + key;
    if (value && typeof value === 'object' && !Array.isArray(value)) {
      return attributeEntries(value as Record<string, unknown>, `${name}.`);
    }
    return [{ field: `@${name}`, name, value: textOf(value ?? '') }];
  });
}

export function valueOf(row: LogRow, field: string): string | undefined {
  if (!field.startsWith('@')) {
    const value = row[field];
    return value === undefined || value === null ? undefined : textOf(value);
  }
  return attributeEntries(row.attributes).find((entry) => entry.field === field)?.value;
}
