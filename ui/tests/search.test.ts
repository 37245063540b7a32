// The search bar: tokens cover the text, terms come and go, completion knows where it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasTerm, marked, needles, quoted, scoped, tokens, wantedAt, withoutTerm, withTerm } from '../src/lib/search.ts';

const kinds = (text: string) => tokens(text).filter((token) => token.kind !== 'space').map((token) => `${token.kind} ${token.text}`);

test('tokens', () => {
  assert.deepEqual(kinds('service:api -env:dev "reset by peer" (a OR b) @http_status:>=500 d:[1 TO 2]'), [
    'field service:', 'value api', 'operator -', 'field env:', 'value dev', 'text "reset by peer"', 'paren (', 'word a',
    'operator OR', 'word b', 'paren )', 'field @http_status:', 'value >=500', 'field d:', 'value [1 TO 2]',
  ]);
});

test('tokens cover every character, whatever is typed', () => {
  for (const text of ['', '  ', '"', 'a:"', '((', 'a:b:c', '-', '- ', '[x TO', 'ORDER', 'ä:ö "', 'a\\b']) {
    assert.equal(tokens(text).map((token) => token.text).join(''), text, text);
    for (const token of tokens(text)) assert.equal(text.slice(token.start, token.end), token.text);
  }
});

test('values that need quotes get them', () => {
  assert.equal(quoted('api-1.2'), 'api-1.2');
  assert.equal(quoted('GET /x'), '"GET /x"');
  assert.equal(quoted('say "hi"'), '"say \\"hi\\""');
  assert.equal(quoted('OR'), '"OR"');
});

test('terms come, turn round and go', () => {
  assert.equal(withTerm('', 'service', 'api'), 'service:api');
  assert.equal(withTerm('x', 'service', 'api'), 'x service:api');
  assert.equal(withTerm('x service:api', 'service', 'api', true), 'x -service:api');
  assert.equal(withTerm('a OR b', 'service', 'api'), '(a OR b) service:api');
  assert.equal(withoutTerm('a service:api b', 'service:api'), 'a b');
  assert.equal(withoutTerm('service:api-2', 'service:api'), 'service:api-2');
  assert.ok(hasTerm('(service:api) x', 'service:api'));
  assert.ok(!hasTerm('-service:api', 'service:api'));
});

test('what is completed at the caret', () => {
  assert.deepEqual(wantedAt('serv', 4), { kind: 'field', field: '', typed: 'serv', start: 0, end: 4 });
  assert.deepEqual(wantedAt('service:', 8), { kind: 'value', field: 'service', typed: '', start: 8, end: 8 });
  assert.deepEqual(wantedAt('a service:ap', 12), { kind: 'value', field: 'service', typed: 'ap', start: 10, end: 12 });
  assert.equal(wantedAt('', 0).kind, 'field');
});

test('what is marked in messages', () => {
  assert.deepEqual(needles('time* -gone "reset by" service:api NOT b2'), ['time', 'reset by']);
  assert.deepEqual(marked('A Timeout!', ['time']), ['A ', 'Time', 'out!']);
  assert.deepEqual(marked('a.b', ['.']), ['a', '.', 'b']);
});

test('the scope narrows a search and tells how far places moved', () => {
  assert.deepEqual(scoped('a OR b', {}), { q: 'a OR b', shift: 0 });
  assert.deepEqual(scoped('', { env: 'prod' }), { q: 'env:prod', shift: 0 });
  assert.deepEqual(scoped('a OR b', { service: 'api' }), { q: '(a OR b) service:api', shift: 1 });
});
