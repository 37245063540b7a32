// Questions in PromQL for someone who has not written one: how a metric of a kind is looked at, whole and split. Pure.

import type { Metric, PromSeries } from './types.ts';

/** Metrics as the list has them, by what can be asked of them. */
export type Shape = 'rate' | 'level' | 'histogram';

export function shapeOf(kind: string): Shape {
  if (kind.includes('histogram')) return 'histogram';
  if (kind === 'counter') return 'rate';
  return 'level';
}

/** Names with dots need quotes inside braces. */
export function selector(name: string, matchers: string[]): string {
  const inside = matchers.join(',');
  if (/^[a-zA-Z_:][\w:]*$/.test(name)) return inside ? `${name}{${inside}}` : name;
  return `{${[JSON.stringify(name), ...matchers].join(',')}}`;
}

export function matcher(label: string, value: string): string {
  return `${label}=${JSON.stringify(value)}`;
}

export interface Ask {
  metric: Pick<Metric, 'name' | 'kind'>;
  matchers: string[];
  by?: string | undefined;
  /** Of a histogram: 0.5, 0.95; absent means how many a second. */
  quantile?: number | undefined;
  top?: number | undefined;
}

export function promql({ metric, matchers, by, quantile, top }: Ask): string {
  const shape = shapeOf(metric.kind);
  const split = by ? ` by (${by})` : '';
  let text: string;
  if (shape === 'histogram' && quantile !== undefined) {
    const labels = ['le', ...(by ? [by] : [])].join(', ');
    text = `histogram_quantile(${quantile}, sum by (${labels}) (rate(${selector(`${metric.name}_bucket`, matchers)}[5m])))`;
  } else if (shape === 'histogram') {
    text = `sum${split} (rate(${selector(`${metric.name}_count`, matchers)}[5m]))`;
  } else if (shape === 'rate') {
    text = `sum${split} (rate(${selector(metric.name, matchers)}[5m]))`;
  } else {
    text = `avg${split} (${selector(metric.name, matchers)})`;
  }
  return top ? `topk(${top}, ${text})` : text;
}

/** The unit of an answer: a counter's rate is in its unit a second. */
export function unitOf(metric: Pick<Metric, 'kind' | 'unit'>, quantile?: number): string {
  const shape = shapeOf(metric.kind);
  if (shape === 'level' || quantile !== undefined) return metric.unit;
  if (shape === 'histogram') return '/s';
  return metric.unit === 'By' ? 'By/s' : metric.unit === 's' ? 's/s' : '/s';
}

export function seriesLabel(metric: Record<string, string>, by?: string): string {
  if (by) return metric[by] || '(none)';
  const labels = Object.entries(metric).filter(([name]) => name !== '__name__');
  if (!labels.length) return metric['__name__'] ?? 'all';
  return labels.map(([name, value]) => `${name}=${value}`).join(' ');
}

/** Steps that divide minutes and hours, so that points fall on times a reader knows. */
const STEPS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];

export function stepFor(from: number, to: number, points: number): number {
  const least = (to - from) / 1000 / points;
  return STEPS.find((step) => step >= least) ?? 86_400;
}

export interface Columns {
  /** Seconds. */
  times: number[];
  values: { name: string; points: (number | null)[] }[];
}

/** Series side by side on one clock; where one has no point it has a gap. */
export function columns(series: PromSeries[], name: (metric: Record<string, string>) => string, from: number, to: number, step: number): Columns {
  const start = Math.floor(from / 1000 / step) * step;
  const length = Math.max(1, Math.floor((to / 1000 - start) / step) + 1);
  const times = Array.from({ length }, (_, i) => start + i * step);
  const values = series.map((one) => {
    const points = new Array<number | null>(length).fill(null);
    for (const [time, value] of one.values) {
      const at = Math.round((time - start) / step);
      const number = Number(value);
      if (at >= 0 && at < length && Number.isFinite(number)) points[at] = number;
    }
    return { name: name(one.metric), points };
  });
  return { times, values };
}
