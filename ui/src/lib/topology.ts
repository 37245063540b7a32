// Where the places of the topology stand on the page: receivers, then each pipeline's steps, then destinations. Pure.

import type { Pipelines } from './types.ts';

export interface Place {
  key: string;
  id: string;
  kind: 'receiver' | 'step' | 'destination';
  pipeline?: string;
  x: number;
  y: number;
  width: number;
  height: number;
}
export interface Edge {
  from: string;
  to: string;
  path: string;
}
export interface Layout {
  places: Place[];
  edges: Edge[];
  height: number;
}

const MARGIN = 16;
const GAP = 14;
const HEAD = 72;
const LINE = 18;
/** Room on both sides of the steps in which edges change their height; elsewhere they keep to their own line. */
const BEND = 64;

export function layout(data: Pipelines, width: number): Layout {
  const side = Math.min(300, Math.max(190, width * 0.23));
  const places: Place[] = [];
  const edges: Edge[] = [];
  const left = MARGIN;
  const right = width - MARGIN - side;
  const middle = left + side;
  const room = right - middle;

  let receiversEnd = MARGIN;
  for (const one of data.receivers) {
    places.push({ key: `receiver ${one.id}`, id: one.id, kind: 'receiver', x: left, y: receiversEnd, width: side, height: HEAD });
    receiversEnd += HEAD + GAP;
  }
  let destinationsEnd = MARGIN;
  for (const one of data.destinations) {
    const height = HEAD + LINE * (Object.keys(one.dropped).length + (one.last_error ? 1 : 0));
    places.push({ key: `destination ${one.id}`, id: one.id, kind: 'destination', x: right, y: destinationsEnd, width: side, height });
    destinationsEnd += height + GAP;
  }
  let stepsEnd = MARGIN;
  for (const one of data.pipelines) {
    const each = Math.min(190, (room - 2 * BEND) / Math.max(1, one.steps.length) - GAP);
    const taken = one.steps.length * (each + GAP) - GAP;
    // Too many steps for one line stand below each other.
    const stacked = each < 100;
    one.steps.forEach((id, i) => {
      const x = stacked ? middle + room / 2 - 80 : middle + (room - taken) / 2 + i * (each + GAP);
      const y = stacked ? stepsEnd + i * (HEAD + 6) : stepsEnd;
      places.push({ key: stepKey(one.id, i, id), id, kind: 'step', pipeline: one.id, x, y, width: stacked ? 160 : each, height: HEAD });
    });
    stepsEnd += (stacked ? one.steps.length * (HEAD + 6) : HEAD) + GAP;
  }

  // The shorter columns stand in the middle of the longest one.
  const height = Math.max(receiversEnd, destinationsEnd, stepsEnd) + MARGIN - GAP;
  const ends = { receiver: receiversEnd, step: stepsEnd, destination: destinationsEnd };
  for (const place of places) place.y += Math.max(0, (height - MARGIN + GAP - ends[place.kind]) / 2);

  // The way of the records: Tab follows it, and so does the list on a narrow page.
  const ranks = { receiver: 0, step: 1, destination: 2 };
  places.sort((a, b) => ranks[a.kind] - ranks[b.kind]);

  const at = new Map(places.map((place) => [place.key, place]));
  const join = (from: string, to: string) => {
    const a = at.get(from);
    const b = at.get(to);
    if (a && b) edges.push({ from, to, path: curve(a, b) });
  };
  for (const one of data.pipelines) {
    const steps = one.steps.map((id, i) => stepKey(one.id, i, id));
    for (let i = 1; i < steps.length; i += 1) join(steps[i - 1]!, steps[i]!);
    const first = steps[0];
    const last = steps.at(-1);
    for (const from of one.receivers) {
      if (first) join(`receiver ${from}`, first);
      else for (const to of one.destinations) join(`receiver ${from}`, `destination ${to}`);
    }
    if (last) for (const to of one.destinations) join(last, `destination ${to}`);
  }
  return { places, edges: unique(edges), height };
}

/** The same step may stand twice in a pipeline. */
function stepKey(pipeline: string, at: number, id: string): string {
  return `step ${pipeline} ${at} ${id}`;
}

function curve(a: Place, b: Place): string {
  const x0 = a.x + a.width;
  const y0 = a.y + a.height / 2;
  const y1 = b.y + b.height / 2;
  if (b.x < x0) return `M${a.x + a.width / 2} ${a.y + a.height}L${b.x + b.width / 2} ${b.y}`;
  if (b.x - x0 <= BEND || a.kind === b.kind) return `M${x0} ${y0}${bow(x0, y0, b.x, y1)}`;
  if (a.kind === 'receiver') return `M${x0} ${y0}${bow(x0, y0, x0 + BEND, y1)}H${b.x}`;
  return `M${x0} ${y0}H${b.x - BEND}${bow(b.x - BEND, y0, b.x, y1)}`;
}

function bow(x0: number, y0: number, x1: number, y1: number): string {
  const middle = (x0 + x1) / 2;
  return `C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}`;
}

/** Two pipelines without steps may join the same two places. */
function unique(edges: Edge[]): Edge[] {
  return [...new Map(edges.map((edge) => [`${edge.from}\0${edge.to}`, edge])).values()];
}
