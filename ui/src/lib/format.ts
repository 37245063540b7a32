// How numbers, times and lengths of time are written. Pure; every screen writes them through here.

const SI = ['', 'K', 'M', 'G', 'T', 'P'];
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function count(n: number): string {
  if (!Number.isFinite(n)) return '–';
  if (Math.abs(n) < 10_000) return Math.round(n).toLocaleString('en-US');
  return scaled(n, 1000, SI);
}

export function bytes(n: number): string {
  if (!Number.isFinite(n)) return '–';
  const [value, power] = scale(n, 1024, BINARY.length);
  return `${digits(value)} ${BINARY[power]}`;
}

/** A number of any size with three digits that matter. */
export function number(n: number): string {
  if (!Number.isFinite(n)) return '–';
  const size = Math.abs(n);
  if (size >= 10_000) return scaled(n, 1000, SI);
  if (size === 0 || size >= 0.001) return digits(n);
  return n.toExponential(1);
}

export function duration(ns: number): string {
  if (!Number.isFinite(ns)) return '–';
  if (ns === 0) return '0';
  const size = Math.abs(ns);
  if (size < 1e3) return `${Math.round(ns)} ns`;
  if (size < 1e6) return `${digits(ns / 1e3)} µs`;
  if (size < 1e9) return `${digits(ns / 1e6)} ms`;
  if (size < 60e9) return `${digits(ns / 1e9)} s`;
  return longer(ns / 1e9);
}

function longer(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} m`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

export function percent(part: number): string {
  const value = part * 100;
  return `${value > 0 && value < 0.1 ? '<0.1' : digits(value)} %`;
}

/** `14:03:07.123456`, in the reader's own time zone, or with the date when it is not today. */
export function clock(microseconds: number, withFraction: 0 | 3 | 6 = 3): string {
  const date = new Date(Math.floor(microseconds / 1000));
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (withFraction === 0) return time;
  const fraction = String(((microseconds % 1e6) + 1e6) % 1e6).padStart(6, '0');
  return `${time}.${fraction.slice(0, withFraction)}`;
}

export function day(ms: number): string {
  const date = new Date(ms);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function dateTime(microseconds: number, withFraction: 0 | 3 | 6 = 3): string {
  return `${day(microseconds / 1000)} ${clock(microseconds, withFraction)}`;
}

/** Clock times of a range, with days only where they matter. */
export function rangeName(from: number, to: number, now: number): string {
  const today = day(now);
  const left = day(from) === today ? '' : `${day(from)} `;
  const right = day(to) === day(from) ? '' : `${day(to)} `;
  const seconds = to - from < 600_000;
  return `${left}${minutes(from, seconds)} – ${right}${minutes(to, seconds)}`;
}

export function minutes(ms: number, withSeconds = false): string {
  const date = new Date(ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}${withSeconds ? `:${two(date.getSeconds())}` : ''}`;
}

export function ago(ms: number, now: number): string {
  const seconds = Math.max(0, (now - ms) / 1000);
  if (seconds < 2) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** A writer for values of a unit as OpenTelemetry or the usage route names it. */
export function unitWriter(unit: string): (value: number) => string {
  switch (unit) {
    case 's':
      return (value) => duration(value * 1e9);
    case 'ms':
      return (value) => duration(value * 1e6);
    case 'us':
    case 'µs':
      return (value) => duration(value * 1e3);
    case 'ns':
      return duration;
    case 'By':
    case 'bytes':
      return bytes;
    case 'By/s':
    case 'bytes/s':
      return (value) => `${bytes(value)}/s`;
    case 'ratio':
      return percent;
    case '%':
    case 'percent':
      return (value) => `${digits(value)} %`;
    case 's/s':
      return number;
    default:
      return number;
  }
}

function scaled(n: number, base: number, names: string[]): string {
  const [value, power] = scale(n, base, names.length);
  return `${digits(value)}${names[power] ? ` ${names[power]}` : ''}`;
}

function scale(n: number, base: number, limit: number): [number, number] {
  let value = n;
  let power = 0;
  while (Math.abs(value) >= base && power < limit - 1) {
    value /= base;
    power += 1;
  }
  return [value, power];
}

function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0);
  if (size >= 10) return trim(value.toFixed(1));
  if (size >= 1) return trim(value.toFixed(2));
  return trim(value.toFixed(3));
}

function trim(text: string): string {
  return text.replace(/\.?0+$/, '');
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
