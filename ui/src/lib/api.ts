// The only place that talks to the program: one function a route of the console's API.
//
// Every call takes a signal; whoever leaves a screen aborts it, and the program stops the query.

import type { Place } from './pieces.ts';
import { jsonLines, serverEvents } from './lines.ts';
import type * as T from './types.ts';

/** The folder the page was served from, so that a path prefix in front of it does not matter. */
const base = new URL('.', document.baseURI);

type Query = Record<string, string | number | undefined>;

/** A refusal by the program. `start` and `end` are places in the text that was asked, in characters. */
export class Refusal extends Error {
  readonly status: number;
  readonly start: number | undefined;
  readonly end: number | undefined;
  readonly expected: string[];

  constructor(status: number, fault: { message: string; start?: number; end?: number; expected?: string[] }) {
    super(fault.message);
    this.status = status;
    this.start = fault.start;
    this.end = fault.end;
    this.expected = fault.expected ?? [];
  }

  /** Where in the text it is, one letter at least. */
  get place(): Place | undefined {
    return this.start === undefined ? undefined : { start: this.start, end: Math.max(this.start + 1, this.end ?? 0) };
  }
}

export function aborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

function address(path: string, query: Query): URL {
  const url = new URL(`api/${path}`, base);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') url.searchParams.set(name, String(value));
  }
  return url;
}

async function ask(url: URL, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: 'same-origin', ...init });
  } catch (error) {
    if (aborted(error)) throw error;
    throw new Refusal(0, { message: 'Outrigger does not answer. Is it still running?' });
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response: Response): Promise<Refusal> {
  if (response.status === 401 || response.status === 403) {
    return new Refusal(response.status, {
      message: 'This console needs its token. Open it once with ?token=… as printed when Outrigger started.',
    });
  }
  try {
    const body = (await response.json()) as { error?: unknown; start?: number; end?: number };
    // Prometheus' own form of an error, with the place beside it.
    if (typeof body.error === 'string') return new Refusal(response.status, { ...body, message: body.error });
    if (body.error) return new Refusal(response.status, body.error as { message: string });
  } catch {
    // Not JSON: a proxy in between answered. The status says what there is to say.
  }
  return new Refusal(response.status, { message: `the server answered ${response.status} ${response.statusText}` });
}

async function get<A>(path: string, query: Query, signal: AbortSignal): Promise<A> {
  const response = await ask(address(path, query), { signal });
  return (await response.json()) as A;
}

/** Reads an answer in lines. `rows` is called as they come; the answer is what the last line says. */
async function read<R>(response: Response, into: LineReader<R>): Promise<T.End> {
  let end: T.End = { rows: 0, scanned_rows: 0, scanned_bytes: 0, seconds: 0, partial: null };
  if (!response.body) return end;
  for await (const value of jsonLines(response.body)) {
    const line = value as T.Line<R>;
    if (line.error) throw new Refusal(200, line.error);
    if (line.columns) into.columns?.(line.columns);
    if (line.rows) into.rows(line.rows);
    if (line.progress) into.progress?.(line.progress);
    if (line.end) end = line.end;
  }
  return end;
}

export interface LineReader<R> {
  rows(rows: R[]): void;
  columns?(columns: T.Column[]): void;
  progress?(progress: T.Progress): void;
}

async function getLines<R>(path: string, query: Query, into: LineReader<R>, signal: AbortSignal): Promise<T.End> {
  return read(await ask(address(path, query), { signal }), into);
}

type Ranged = { q?: string; from: number; to: number };

export const status = (signal: AbortSignal) => get<T.Status>('status', {}, signal);

export const logs = (query: Ranged & { limit: number; before?: string }, into: LineReader<T.LogRow>, signal: AbortSignal) =>
  getLines('logs', whole(query), into, signal);
export const histogram = (query: Ranged & { buckets: number }, signal: AbortSignal) =>
  get<T.HistogramAnswer>('logs/histogram', whole(query), signal);
export const facets = (query: Ranged & { fields: string }, signal: AbortSignal) =>
  get<{ facets: T.Facet[] }>('logs/facets', whole(query), signal);
export const patterns = (query: Ranged, signal: AbortSignal) =>
  get<{ patterns: T.Pattern[] }>('logs/patterns', whole(query), signal);
export const logsAround = (row: T.LogRow, n: number, signal: AbortSignal) => {
  const { seq, time, service, task, container } = row;
  return get<{ rows: T.LogRow[] }>('logs/around', { seq, time, service, task, container, n }, signal);
};
export const fields = (table: 'logs' | 'spans', signal: AbortSignal) =>
  get<{ fields: T.Field[] }>('fields', { table }, signal);

export const traces = (query: Ranged & { limit: number }, into: LineReader<T.TraceRow>, signal: AbortSignal) =>
  getLines('traces', whole(query), into, signal);
export const trace = (id: string, signal: AbortSignal) =>
  get<T.Trace>(`traces/${encodeURIComponent(id)}`, {}, signal);
export const traceLogs = (id: string, span: string | undefined, signal: AbortSignal) =>
  get<{ rows: T.LogRow[] }>(`traces/${encodeURIComponent(id)}/logs`, { span }, signal);

export const metrics = (query: Ranged, signal: AbortSignal) =>
  get<{ metrics: T.Metric[] }>('metrics', whole(query), signal);
export const tasks = (query: { from: number; to: number }, signal: AbortSignal) =>
  get<T.Tasks>('tasks', whole(query), signal);
export const usage = (
  query: { task?: string; host?: string; container?: string; from: number; to: number },
  signal: AbortSignal,
) => get<{ series: T.UsageSeries[] }>('usage', whole(query), signal);

export const pipelines = (signal: AbortSignal) => get<T.Pipelines>('pipelines', {}, signal);
export const samples = (id: string, kind: string | undefined, signal: AbortSignal) =>
  get<T.Samples>('pipelines/samples', { id, kind }, signal);

export async function query(
  body: { language: 'insights' | 'sql'; query: string; from: number; to: number; limit: number },
  into: LineReader<unknown[]>,
  signal: AbortSignal,
): Promise<T.End> {
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: JSON.stringify(whole(body)), signal };
  return read(await ask(address('query', {}), init), into);
}

/** Prometheus' own API. */
export async function prom<A>(path: string, query: Query, signal: AbortSignal): Promise<A> {
  const answer = await get<{ data: A }>(`v1/${path}`, query, signal);
  return answer.data;
}

export interface TailReader {
  rows(rows: T.LogRow[]): void;
  dropped(count: number): void;
  open(): void;
  lost(error: Error): void;
}

const TAIL_RETRY_MS = 2000;

/** Follows new rows until the signal is aborted; a lost connection is opened again, a refused search is not. */
export async function tail(q: string, into: TailReader, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await ask(address('logs/tail', { q }), { signal, headers: { accept: 'text/event-stream' } });
      into.open();
      if (response.body) for await (const event of serverEvents(response.body)) dispatch(event.name, event.data, into);
    } catch (error) {
      if (aborted(error) || signal.aborted) return;
      into.lost(error as Error);
      if (error instanceof Refusal && error.status >= 400 && error.status < 500) return;
    }
    await new Promise((done) => setTimeout(done, TAIL_RETRY_MS));
  }
}

function dispatch(name: string, data: string, into: TailReader): void {
  if (name === 'rows') into.rows(JSON.parse(data) as T.LogRow[]);
  if (name === 'dropped') into.dropped((JSON.parse(data) as { count: number }).count);
}

/** The API counts whole milliseconds. */
function whole<Q extends { from: number; to: number }>(query: Q): Q {
  return { ...query, from: Math.floor(query.from), to: Math.ceil(query.to) };
}
