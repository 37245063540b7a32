// The smaller pure parts: numbers, the virtual list, the tree of spans, PromQL, charts of answers, recipes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changes } from '../src/lib/changes.ts';
import { bytes, count, duration, percent } from '../src/lib/format.ts';
import { deploys } from '../src/lib/deploys.ts';
import { highlight } from '../src/lib/highlight.ts';
import { marked } from '../src/lib/pieces.ts';
import { columns, promql, stepFor } from '../src/lib/promql.ts';
import { recipes } from '../src/lib/recipes.ts';
import { attributeEntries, unseen } from '../src/lib/row.ts';
import { buildTree, suspect, visible } from '../src/lib/spans.ts';
import { drawn } from '../src/lib/table.ts';
import { layout } from '../src/lib/topology.ts';
import type { SpanRow } from '../src/lib/types.ts';
import { Offsets } from '../src/lib/virtual.ts';

test('numbers as they are written', () => {
  assert.deepEqual([0, 999, 12_345, 1.5e6].map(count), ['0', '999', '12.3 K', '1.5 M']);
  assert.deepEqual([0, 1536, 5 * 2 ** 30].map(bytes), ['0 B', '1.5 KiB', '5 GiB']);
  assert.deepEqual([0, 900, 1500, 2.5e6, 1.25e9, 90e9, 7200e9].map(duration), ['0', '900 ns', '1.5 µs', '2.5 ms', '1.25 s', '1 m 30 s', '2 h 0 m']);
  assert.deepEqual([0, 0.0001, 0.5].map(percent), ['0 %', '<0.1 %', '50 %']);
});

test('coloured text is cut where a fault begins and ends', () => {
  const pieces = [{ kind: 'a', text: 'one ' }, { kind: 'b', text: 'two' }];
  assert.deepEqual(marked(pieces, undefined).map((one) => [one.kind, one.text, one.bad]), [['a', 'one ', false], ['b', 'two', false]]);
  const cut = marked(pieces, { start: 2, end: 6 }).map((one) => [one.kind, one.text, one.bad]);
  assert.deepEqual(cut, [['a', 'on', false], ['a', 'e ', true], ['b', 'tw', true], ['b', 'o', false]]);
});

test('the virtual list finds rows of different heights', () => {
  const offsets = new Offsets(20);
  offsets.resize(1000);
  assert.equal(offsets.total, 20_000);
  assert.ok(offsets.measure(10, 120));
  assert.ok(!offsets.measure(10, 120));
  assert.equal(offsets.top(11), 320);
  assert.equal(offsets.at(319), 10);
  assert.equal(offsets.at(320), 11);
  assert.deepEqual(offsets.window(0, 100, 2), [0, 8]);
  offsets.resize(5);
  assert.equal(offsets.total, 100);
  assert.deepEqual(offsets.window(90, 100, 2), [2, 5]);
  offsets.resize(0);
  assert.deepEqual(offsets.window(0, 100, 2), [0, 0]);
});

function span(id: string, parent: string | null, start: number, length: number, error = false): SpanRow {
  return { span_id: id, parent_span_id: parent, name: id, service: 's', kind: '', status: '', status_message: null, start, duration_ns: length * 1000, error };
}

test('spans become a tree, with their own time and the critical path', () => {
  const tree = buildTree([span('b', 'a', 60, 40), span('a', null, 0, 100), span('c', 'a', 10, 20), span('d', 'b', 70, 20, true), span('lost', 'gone', 5, 1)]);
  assert.deepEqual(visible(tree, new Set()).map((node) => `${node.depth}${node.span.span_id}`), ['0a', '1c', '1b', '2d', '0lost']);
  assert.deepEqual(visible(tree, new Set(['b'])).map((node) => node.span.span_id), ['a', 'c', 'b', 'lost']);
  assert.equal(tree.nodes.get('a')!.own, 40_000);
  assert.ok(tree.nodes.get('a')!.errorBelow);
  assert.ok(tree.nodes.get('d')!.critical && tree.nodes.get('c')!.critical);
  assert.equal(suspect(tree)!.span.span_id, 'd');
});

test('spans that are each other’s parents do not hang the page', () => {
  const tree = buildTree([span('a', 'b', 0, 1), span('b', 'a', 0, 1)]);
  assert.equal(visible(tree, new Set()).length, 2);
});

test('ten thousand spans are laid out in an instant', () => {
  const spans = Array.from({ length: 10_000 }, (_, i) => span(String(i), i ? String(i - 1) : null, i, 10_000 - i));
  const began = performance.now();
  assert.equal(visible(buildTree(spans), new Set()).length, 10_000);
  assert.ok(performance.now() - began < 3000);
});

test('questions in PromQL', () => {
  const metric = { name: 'requests_total', kind: 'counter' };
  assert.equal(promql({ metric, matchers: [] }), 'sum (rate(requests_total[5m]))');
  assert.equal(promql({ metric, matchers: ['a="b"'], by: 'route', top: 5 }), 'topk(5, sum by (route) (rate(requests_total{a="b"}[5m])))');
  assert.equal(promql({ metric: { name: 'd', kind: 'histogram' }, matchers: [], by: 'x', quantile: 0.95 }), 'histogram_quantile(0.95, sum by (le, x) (rate(d_bucket[5m])))');
  assert.equal(promql({ metric: { name: 'cpu.used', kind: 'gauge' }, matchers: [] }), 'avg ({"cpu.used"})');
  assert.equal(stepFor(0, 3_600_000, 240), 15);
});

test('series on one clock have gaps where they have no points', () => {
  const series = [{ metric: { a: 'x' }, values: [[60, '1'], [180, 'NaN']] as [number, string][] }];
  assert.deepEqual(columns(series, (metric) => metric['a'] ?? '', 60_000, 180_000, 60), { times: [60, 120, 180], values: [{ name: 'x', points: [1, null, null] }] });
});

test('answers that can be drawn', () => {
  const time = { name: 'bin(5m)', type: 'timestamp' };
  const lines = drawn([time, { name: 's', type: '' }, { name: 'n', type: '' }], [['2026-11-21 10:00:00.000', 'api', '3'], ['2026-11-21 10:05:00.000', 'api', '4'], ['2026-11-21 10:05:00.000', 'web', 1]]);
  assert.equal(lines?.kind, 'lines');
  assert.deepEqual(lines?.lines, [{ name: 'api', points: [3, 4] }, { name: 'web', points: [null, 1] }]);
  assert.deepEqual(drawn([{ name: 's', type: '' }, { name: 'n', type: '' }], [['api', 3]])?.bars, [{ name: 'api', value: 3 }]);
  assert.equal(drawn([{ name: 's', type: '' }], [['api']]), undefined);
  assert.equal(drawn([], []), undefined);
});

test('colouring covers the text', () => {
  for (const text of ['fields @timestamp | filter a like /x/ # note', "SELECT 'it' -- x\nFROM logs", '"open', '']) {
    assert.equal(highlight(text, 'sql').map((piece) => piece.text).join(''), text);
  }
});

test('recipes name what the program listens on', () => {
  const all = recipes([{ name: 'otlp_http', listen: '0.0.0.0:14318' }, { name: 'fluent_forward', listen: '127.0.0.1:24225' }], 'box');
  assert.match(all.find((one) => one.id === 'otlp')!.text, /http:\/\/box:14318/);
  assert.match(all.find((one) => one.id === 'firelens')!.text, /host=127\.0\.0\.1 -p port=24225/);
  assert.match(all.find((one) => one.id === 'ddtrace')!.text, /http:\/\/box:8126/);
});

test('nested attributes are laid flat', () => {
  assert.deepEqual(attributeEntries({ a: { b: 1 }, c: ['x'] }).map((one) => `${one.field}=${one.value}`), ['@a.b=1', '@c=["x"]']);
});

test('the topology joins receivers, steps and destinations', () => {
  const destination = { id: 'lake', accepted: 0, delivered: 0, waiting: 0, saved: 0, dropped: {}, oldest_unsent_seconds: null, last_error: null };
  const data = { receivers: [{ id: 'in', received: 0, refused: 0, down: false }], steps: [], destinations: [destination], pipelines: [{ id: 'p', receivers: ['in'], steps: ['a', 'b'], destinations: ['lake'] }, { id: 'q', receivers: ['in'], steps: [], destinations: ['lake'] }] };
  // Tab goes the way of the records.
  assert.deepEqual([...new Set(layout(data, 1000).places.map((place) => place.kind))], ['receiver', 'step', 'destination']);
  assert.deepEqual(layout(data, 1000).edges.map((edge) => `${edge.from} > ${edge.to}`).sort(), ['receiver in > destination lake', 'receiver in > step p 0 a', 'step p 0 a > step p 1 b', 'step p 1 b > destination lake']);
});

test('a new revision is a deploy, the oldest known one is not', () => {
  const task = (revision: number, from: number) => ({ task: `${revision}-${from}`, family: 'shop', revision, launch_type: '', from, to: 100, containers: [] });
  const tasks = { clusters: [{ name: 'c', services: [{ name: 'api', tasks: [task(2, 60), task(1, 20), task(2, 50), task(3, 200)] }] }], hosts: [] };
  assert.deepEqual(deploys(tasks, 0, 100), [{ time: 50, name: 'shop:2' }]);
  assert.deepEqual(deploys(tasks, 0, 100, 'web'), []);
});

test('rows that came before are left out', () => {
  assert.deepEqual(unseen([1, 2, 2, 3], [3], String), [1, 2]);
});

test('what a step changed is marked on both sides, and a comma is no change', () => {
  const own = (sample: unknown, other: unknown) => changes(sample, other).filter((line) => line.isOwn).map((line) => line.text);
  const [before, after] = [{ body: 'a', password: 'b' }, { body: 'a', attributes: { level: 'info' } }];
  assert.deepEqual(own(after, before), ['"attributes": {', '"level": "info"', '}']);
  assert.deepEqual(own(before, after), ['"password": "b"']);
  assert.deepEqual(own({ body: 'b', n: 1 }, { body: 'a', n: 1 }), ['"body": "b",']);
  assert.deepEqual(own({ body: 'a' }, { body: 'a' }), []);
  assert.deepEqual(own({ body: 'a' }, undefined), []);
  assert.deepEqual(changes('x\n  z\n', 'x\ny'), [{ indent: '', text: 'x', isOwn: false }, { indent: '  ', text: 'z', isOwn: true }]);
});
