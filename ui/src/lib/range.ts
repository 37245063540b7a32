// The clock range as the address keeps it: `now-1h` to `now`, or milliseconds since the epoch.
//
// A relative range stays relative in the address, so a link to "the last hour" shows the reader's last hour. Pure.

export interface Range {
  from: string;
  to: string;
}
export interface Span {
  from: number;
  to: number;
}

export const DEFAULT_RANGE: Range = { from: 'now-1h', to: 'now' };
/** Half the width of a range "around this event". */
export const AROUND_MS = 15 * 60_000;
const MIN_WIDTH_MS = 1000;

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

const UNIT_NAMES: Record<string, string> = { s: 'seconds', m: 'minutes', h: 'hours', d: 'days', w: 'weeks' };

export const PRESETS: [string, string][] = [
  ['5m', '5 minutes'],
  ['15m', '15 minutes'],
  ['1h', '1 hour'],
  ['4h', '4 hours'],
  ['12h', '12 hours'],
  ['1d', '1 day'],
  ['2d', '2 days'],
  ['1w', '1 week'],
];

/** Milliseconds of an end of a range, or nothing when it cannot be read. */
export function moment(text: string, now: number): number | undefined {
  const trimmed = text.trim();
  if (trimmed === 'now') return now;
  const relative = /^now-(\d+(?:\.\d+)?)\s*([smhdw])$/.exec(trimmed);
  if (relative) return now - Number(relative[1]) * UNITS[relative[2]!]!;
  if (/^\d{10}$/.test(trimmed)) return Number(trimmed) * 1000;
  if (/^\d{13}$/.test(trimmed)) return Number(trimmed);
  if (!/\d{4}-\d{2}-\d{2}/.test(trimmed)) return undefined;
  const date = Date.parse(trimmed.replace(' ', 'T'));
  return Number.isNaN(date) ? undefined : date;
}

export function resolve(range: Range, now: number): Span {
  const to = moment(range.to, now) ?? now;
  const from = moment(range.from, now) ?? to - UNITS['h']!;
  return from < to ? { from, to } : { from: to - MIN_WIDTH_MS, to };
}

/** A range as someone types it: `15m`, `last 2 hours`, `2026-11-21 10:00 to 2026-11-21 11:00`. */
export function parseTyped(text: string, now: number): Range | undefined {
  const ago = /^(?:last\s+|now-)?(\d+(?:\.\d+)?)\s*([smhdw])\w*$/i.exec(text.trim());
  if (ago) return { from: `now-${ago[1]}${ago[2]!.toLowerCase()}`, to: 'now' };
  const ends = text.split(/\s+(?:to|until)\s+|\s*→\s*|\s+-\s+/);
  if (ends.length !== 2) return undefined;
  const from = moment(ends[0]!, now);
  const to = moment(ends[1]!, now);
  if (from === undefined || to === undefined || from >= to) return undefined;
  return { from: keepRelative(ends[0]!, from), to: keepRelative(ends[1]!, to) };
}

export function shift(range: Range, now: number, by: -1 | 1): Range {
  const { from, to } = resolve(range, now);
  const step = ((to - from) / 2) * by;
  return absolute(from + step, to + step);
}

/** `factor` above 1 shows more, below 1 less. A range that ends now goes on ending now. */
export function zoom(range: Range, now: number, factor: number): Range {
  const { from, to } = resolve(range, now);
  const width = Math.max(MIN_WIDTH_MS, (to - from) * factor);
  if (range.to === 'now') return { from: `now-${ago(width)}`, to: 'now' };
  const middle = (from + to) / 2;
  return absolute(middle - width / 2, middle + width / 2);
}

export function around(ms: number): Range {
  return absolute(ms - AROUND_MS, ms + AROUND_MS);
}

export function absolute(from: number, to: number): Range {
  return { from: String(Math.floor(from)), to: String(Math.ceil(Math.max(to, from + MIN_WIDTH_MS))) };
}

export function isRelative(range: Range): boolean {
  return range.from.startsWith('now') || range.to.startsWith('now');
}

/** What the button says of a relative range; absolute ones are told by their clock times. */
export function relativeName(range: Range): string | undefined {
  const match = /^now-(\d+(?:\.\d+)?)([smhdw])$/.exec(range.from);
  if (!match || range.to !== 'now') return undefined;
  const preset = PRESETS.find(([key]) => key === `${match[1]}${match[2]}`);
  return `Last ${preset ? preset[1] : `${match[1]} ${UNIT_NAMES[match[2]!]}`}`;
}

/** A length in the largest unit that says it exactly enough: `90m`, `36h`, `45s`. */
function ago(ms: number): string {
  for (const unit of ['d', 'h', 'm'] as const) {
    const count = ms / UNITS[unit]!;
    if (count >= 1 && Math.abs(count - Math.round(count)) < 1e-9) return `${Math.round(count)}${unit}`;
  }
  return `${Math.max(1, Math.round(ms / 1000))}s`;
}

function keepRelative(text: string, ms: number): string {
  return text.trim().startsWith('now') ? text.trim().replace(/\s/g, '') : String(ms);
}
