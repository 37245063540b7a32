// A trace's spans as a tree in the order of a waterfall, with what each one alone took. Pure.

import type { SpanRow } from './types.ts';

export interface Node {
  span: SpanRow;
  depth: number;
  children: Node[];
  parent: Node | undefined;
  /** Spans below it, at any depth. */
  below: number;
  /** Whether a span below it failed. */
  errorBelow: boolean;
  /** Whether the trace would have ended sooner had this span been shorter. */
  critical: boolean;
  /** Nanoseconds in which none of its children ran. */
  own: number;
}

export interface Tree {
  roots: Node[];
  nodes: Map<string, Node>;
  /** Microseconds. */
  start: number;
  end: number;
}

export const endOf = (span: SpanRow) => span.start + span.duration_ns / 1000;

export function buildTree(spans: SpanRow[]): Tree {
  const nodes = new Map<string, Node>();
  for (const span of spans) {
    nodes.set(span.span_id, { span, depth: 0, children: [], parent: undefined, below: 0, errorBelow: false, critical: false, own: span.duration_ns });
  }
  const roots: Node[] = [];
  for (const node of nodes.values()) {
    const parent = node.span.parent_span_id ? nodes.get(node.span.parent_span_id) : undefined;
    if (!parent || isAbove(node, parent)) roots.push(node);
    else {
      node.parent = parent;
      parent.children.push(node);
    }
  }
  const byStart = (a: Node, b: Node) => a.span.start - b.span.start;
  roots.sort(byStart);
  const order = inOrder(roots, byStart);
  for (const node of order.reverse()) settle(node);
  let start = Infinity;
  let end = -Infinity;
  for (const span of spans) {
    start = Math.min(start, span.start);
    end = Math.max(end, endOf(span));
  }
  for (const root of roots) markCritical(root);
  return { roots, nodes, start, end };
}

/** Broken data may say that two spans are each other's parents. */
function isAbove(node: Node, parent: Node): boolean {
  for (let at: Node | undefined = parent; at; at = at.parent) if (at === node) return true;
  return false;
}

function inOrder(roots: Node[], byStart: (a: Node, b: Node) => number): Node[] {
  const order: Node[] = [];
  const waiting = [...roots].reverse();
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    order.push(node);
    node.children.sort(byStart);
    for (const child of [...node.children].reverse()) {
      child.depth = node.depth + 1;
      waiting.push(child);
    }
  }
  return order;
}

function settle(node: Node): void {
  for (const child of node.children) {
    node.below += child.below + 1;
    node.errorBelow ||= child.errorBelow || child.span.error;
  }
  node.own = node.span.duration_ns - covered(node) * 1000;
}

/** Microseconds of a span in which at least one of its children ran. */
function covered(node: Node): number {
  const end = endOf(node.span);
  let sum = 0;
  let until = node.span.start;
  for (const child of node.children) {
    const from = Math.max(until, child.span.start);
    const to = Math.min(end, endOf(child.span));
    if (to > from) {
      sum += to - from;
      until = to;
    }
  }
  return sum;
}

/** Walks back from the end: the child that ended last was waited for, then the one that ended before it began. */
function markCritical(root: Node): void {
  const waiting: [Node, number][] = [[root, endOf(root.span)]];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [node, until] = next;
    node.critical = true;
    let at = until;
    const byEnd = [...node.children].sort((a, b) => endOf(b.span) - endOf(a.span));
    for (const child of byEnd) {
      const end = endOf(child.span);
      // A child that outlives its parent was not waited for.
      if (end > at || child.span.start < node.span.start) continue;
      waiting.push([child, end]);
      at = child.span.start;
    }
  }
}

/** What is shown: the tree without what is below closed spans. */
export function visible(tree: Tree, closed: Set<string>): Node[] {
  const rows: Node[] = [];
  const waiting = [...tree.roots].reverse();
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    rows.push(node);
    if (closed.has(node.span.span_id)) continue;
    for (let i = node.children.length - 1; i >= 0; i -= 1) waiting.push(node.children[i]!);
  }
  return rows;
}

/** The span that a reader looks for first: the deepest failed one, else the one that itself took longest. */
export function suspect(tree: Tree): Node | undefined {
  let best: Node | undefined;
  for (const node of tree.nodes.values()) {
    if (!node.span.error || node.errorBelow) continue;
    if (!best || node.own > best.own) best = node;
  }
  if (best) return best;
  for (const node of tree.nodes.values()) if (!best || node.own > best.own) best = node;
  return best;
}
