// What the console's API answers, as docs/decisions/0008-languages-and-console.md writes it.
//
// `time`, `start`, `first` and `last` of rows count microseconds, ranges count milliseconds.

export type Severity = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL' | '';

export interface Fault {
  message: string;
  start?: number;
  end?: number;
  expected?: string[];
}
export interface Column {
  name: string;
  type: string;
}
export interface Progress {
  scanned_rows: number;
  scanned_bytes: number;
  from: number;
}
export interface End {
  rows: number;
  scanned_rows: number;
  scanned_bytes: number;
  seconds: number;
  partial: string | null;
}
export interface Line<R> {
  columns?: Column[];
  rows?: R[];
  progress?: Progress;
  end?: End;
  error?: Fault;
}

export interface TableStatus {
  rows: number;
  bytes: number;
  from: number | null;
  to: number | null;
}
export interface Status {
  version: string;
  build: string;
  started: number;
  /** Null in the build without a lake, which has nothing to search. */
  lake: { path: string; tables: Record<string, TableStatus> } | null;
  receivers: { name: string; listen: string }[];
}

export interface LogRow {
  seq: string;
  time: number;
  time_ns?: number;
  severity?: string;
  service?: string;
  message?: string;
  cluster?: string;
  ecs_service?: string;
  task?: string;
  container?: string;
  host?: string;
  trace_id?: string;
  span_id?: string;
  attributes?: Record<string, unknown>;
  resource?: Record<string, unknown>;
  [column: string]: unknown;
}
export interface HistogramAnswer {
  from: number;
  step: number;
  severities: Record<string, number[]>;
}
export interface FacetValue {
  value: string;
  count: number;
}
export interface Facet {
  field: string;
  values: FacetValue[];
}
export interface Pattern {
  pattern: string;
  count: number;
  share: number;
  severity: string;
  service: string;
  first: number;
  last: number;
  spark: number[];
}
export interface Field {
  name: string;
  kind: 'column' | 'attribute';
  type: string;
}

export interface TraceRow {
  trace_id: string;
  start: number;
  duration_ns: number;
  root_service: string | null;
  root_name: string | null;
  span_count: number;
  error_count: number;
  services: string[];
  http_status: number | string | null;
}
export interface SpanEvent {
  time: number;
  name: string;
  attributes?: Record<string, unknown>;
}
export interface SpanLink {
  trace_id: string;
  span_id: string;
  attributes?: Record<string, unknown>;
}
export interface SpanRow {
  span_id: string;
  parent_span_id: string | null;
  name: string;
  service: string;
  kind: string;
  status: string;
  status_message: string | null;
  start: number;
  duration_ns: number;
  task?: string | null;
  container?: string | null;
  host?: string | null;
  error: boolean;
  attributes?: Record<string, unknown>;
  resource?: Record<string, unknown>;
  events?: SpanEvent[];
  links?: SpanLink[];
}
export interface Trace {
  trace_id: string;
  spans: SpanRow[];
}

export interface Metric {
  metric: string;
  name: string;
  unit: string;
  kind: string;
  series: number;
}
export interface Container {
  name: string;
  id: string;
}
export interface Task {
  task: string;
  family: string;
  revision: number;
  launch_type: string;
  from: number;
  to: number;
  containers: Container[];
}
export interface Tasks {
  clusters: { name: string; services: { name: string; tasks: Task[] }[] }[];
  hosts: { name: string }[];
}
export interface UsageSeries {
  what: 'cpu' | 'memory' | 'network_in' | 'network_out' | 'restarts';
  container: string | null;
  unit: string;
  points: [number, number][];
}

export interface ReceiverState {
  id: string;
  received: number;
  refused: number;
  /** It failed, and waits to be started again. */
  down: boolean;
}
export interface PipelineState {
  id: string;
  receivers: string[];
  steps: string[];
  destinations: string[];
}
export interface StepState {
  id: string;
  in: number;
  out: number;
  /** Kept back for later records. */
  held: number;
  dropped: Record<string, number>;
}
export interface DestinationState {
  id: string;
  accepted: number;
  delivered: number;
  waiting: number;
  saved: number;
  dropped: Record<string, number>;
  oldest_unsent_seconds: number | null;
  last_error: string | null;
}
export interface Pipelines {
  receivers: ReceiverState[];
  pipelines: PipelineState[];
  /** Steps that something has reached. */
  steps: StepState[];
  destinations: DestinationState[];
}
/** Records as objects, requests and what cannot be shown as text; the newest first. */
export interface Samples {
  before: unknown[];
  after: unknown[];
}

export interface PromSeries {
  metric: Record<string, string>;
  values: [number, string][];
}
export interface PromMatrix {
  resultType: string;
  result: PromSeries[];
}
