// What a table of a query's answer can be drawn as: lines over time, or bars a name. Pure.

import type { Column } from './types.ts';

export interface Drawn {
  kind: 'lines' | 'bars';
  /** Seconds, of lines. */
  times: number[];
  lines: { name: string; points: (number | null)[] }[];
  bars: { name: string; value: number }[];
}

const MOST_LINES = 12;
const MOST_BARS = 40;

/** A time in seconds, of a text as the program writes times, or of a number that can only be one. */
export function timeOf(value: unknown): number | undefined {
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d/.test(value)) {
    const zoned = /Z|[+-]\d\d:?\d\d$/.test(value) ? value : `${value}Z`;
    const ms = Date.parse(zoned.replace(' ', 'T'));
    return Number.isNaN(ms) ? undefined : ms / 1000;
  }
  return undefined;
}

function numberOf(value: unknown): number | undefined {
  if (value === null || value === '' || typeof value === 'boolean') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

export function drawn(columns: Column[], rows: unknown[][]): Drawn | undefined {
  if (!rows.length) return undefined;
  const every = (i: number, test: (value: unknown) => unknown) => rows.every((row) => row[i] === null || test(row[i]) !== undefined);
  const all = columns.map((_, i) => i);
  const time = all.find((i) => rows[0]![i] !== null && every(i, timeOf));
  const numbers = all.filter((i) => i !== time && every(i, numberOf) && rows.some((row) => numberOf(row[i]) !== undefined));
  const names = all.filter((i) => i !== time && !numbers.includes(i));
  if (!numbers.length) return undefined;
  const nameOf = (row: unknown[]) => names.map((i) => String(row[i] ?? '')).join(' ');
  if (time === undefined) {
    if (!names.length) return undefined;
    const bars = rows.slice(0, MOST_BARS).map((row) => ({ name: nameOf(row), value: numberOf(row[numbers[0]!]) ?? 0 }));
    return { kind: 'bars', times: [], lines: [], bars };
  }
  const times = [...new Set(rows.map((row) => timeOf(row[time])!))].sort((a, b) => a - b);
  if (times.length < 2) return undefined;
  const place = new Map(times.map((at, i) => [at, i]));
  const lines = new Map<string, (number | null)[]>();
  for (const row of rows) {
    for (const i of numbers) {
      const own = [nameOf(row), numbers.length > 1 || !names.length ? columns[i]!.name : ''].filter(Boolean).join(' ');
      const points = lines.get(own) ?? new Array<number | null>(times.length).fill(null);
      points[place.get(timeOf(row[time])!)!] = numberOf(row[i]) ?? null;
      lines.set(own, points);
    }
  }
  return { kind: 'lines', times, lines: [...lines].slice(0, MOST_LINES).map(([name, points]) => ({ name, points })), bars: [] };
}
