// The clock range: what the address and the reader's typing mean.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { absolute, around, moment, parseTyped, relativeName, resolve, shift, zoom } from '../src/lib/range.ts';

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);
const HOUR = 3_600_000;

test('ends of a range', () => {
  const cases: [string, number | undefined][] = [
    ['now', NOW],
    ['now-1h', NOW - HOUR],
    ['now-90m', NOW - 1.5 * HOUR],
    ['now-1.5h', NOW - 1.5 * HOUR],
    [String(NOW), NOW],
    [String(NOW / 1000), NOW],
    ['2026-11-21T12:00:00Z', NOW],
    ['yesterday', undefined],
    ['', undefined],
    ['12', undefined],
  ];
  for (const [text, expected] of cases) assert.equal(moment(text, NOW), expected, text);
});

test('a range that cannot be read is the last hour, one that is turned round has a width', () => {
  assert.deepEqual(resolve({ from: 'nonsense', to: 'now' }, NOW), { from: NOW - HOUR, to: NOW });
  const { from, to } = resolve({ from: 'now', to: 'now-1h' }, NOW);
  assert.ok(from < to);
});

test('what a reader types', () => {
  assert.deepEqual(parseTyped('15m', NOW), { from: 'now-15m', to: 'now' });
  assert.deepEqual(parseTyped('last 2 hours', NOW), { from: 'now-2h', to: 'now' });
  assert.deepEqual(parseTyped('now-2h to now-1h', NOW), { from: 'now-2h', to: 'now-1h' });
  assert.deepEqual(parseTyped('2026-11-21T10:00:00Z to 2026-11-21T11:00:00Z', NOW), { from: String(NOW - 2 * HOUR), to: String(NOW - HOUR) });
  assert.equal(parseTyped('11:00 to 10:00', NOW), undefined);
  assert.equal(parseTyped('soon', NOW), undefined);
});

test('shift and zoom', () => {
  assert.deepEqual(shift({ from: 'now-1h', to: 'now' }, NOW, -1), absolute(NOW - 1.5 * HOUR, NOW - 0.5 * HOUR));
  assert.deepEqual(zoom({ from: 'now-1h', to: 'now' }, NOW, 2), { from: 'now-2h', to: 'now' });
  assert.deepEqual(zoom({ from: 'now-1h', to: 'now' }, NOW, 0.5), { from: 'now-30m', to: 'now' });
  assert.deepEqual(zoom(absolute(NOW - 2 * HOUR, NOW), NOW, 0.5), absolute(NOW - 1.5 * HOUR, NOW - 0.5 * HOUR));
});

test('around an event, and the names of ranges', () => {
  const { from, to } = resolve(around(NOW), NOW);
  assert.equal((from + to) / 2, NOW);
  assert.equal(relativeName({ from: 'now-1h', to: 'now' }), 'Last 1 hour');
  assert.equal(relativeName({ from: 'now-7m', to: 'now' }), 'Last 7 minutes');
  assert.equal(relativeName(absolute(1, 2)), undefined);
});
