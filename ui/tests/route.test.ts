// The address: what is written can be read, and nothing empty is written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carried, changed, formatPlace, parsePlace, type Place } from '../src/lib/route.ts';

test('an address read and written is the same', () => {
  const places: Place[] = [
    { path: ['logs'], params: { q: 'service:api "a b" & c=d #1 +x', from: 'now-1h' } },
    { path: ['trace', 'abc/d e'], params: {} },
    { path: [], params: {} },
  ];
  for (const place of places) assert.deepEqual(parsePlace(formatPlace(place)), place);
});

test('odd addresses', () => {
  assert.deepEqual(parsePlace(''), { path: [], params: {} });
  assert.deepEqual(parsePlace('#logs?q=a'), { path: ['logs'], params: { q: 'a' } });
  assert.deepEqual(parsePlace('#/%zz'), { path: ['%zz'], params: {} });
  assert.equal(formatPlace({ path: ['logs'], params: { q: '' } }), '#/logs');
});

test('changes take away what is empty', () => {
  assert.deepEqual(changed({ q: 'a', sel: '1' }, { sel: undefined, tab: 'x', q: '' }), { tab: 'x' });
});

test('range and scope go along, the search does not', () => {
  assert.deepEqual(carried({ q: 'a', from: '1', to: '2', at: '3', service: 'api', sel: '9' }), { from: '1', to: '2', at: '3', service: 'api' });
});
