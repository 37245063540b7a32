// Readers of streams: pieces may be cut anywhere, even inside a character.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonLines, lines, serverEvents } from '../src/lib/lines.ts';

/** The text as a stream whose pieces are `size` bytes long. */
function stream(text: string, size: number, canceled?: () => void): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, (at += size)));
    },
    cancel: () => canceled?.(),
  });
}

async function all<A>(source: AsyncIterable<A>): Promise<A[]> {
  const found: A[] = [];
  for await (const one of source) found.push(one);
  return found;
}

test('lines, however they are cut', async () => {
  for (let size = 1; size < 12; size += 1) {
    assert.deepEqual(await all(lines(stream('ä€😀\r\n\nlast', size))), ['ä€😀', '', 'last']);
  }
});

test('lines of JSON', async () => {
  assert.deepEqual(await all(jsonLines(stream('{"rows":[1]}\n\n{"end":{"rows":1}}\n', 5))), [{ rows: [1] }, { end: { rows: 1 } }]);
  assert.deepEqual(await all(jsonLines(stream('', 5))), []);
});

test('who stops early closes the connection', async () => {
  let canceled = false;
  for await (const line of lines(stream('a\nb\nc\n', 2, () => (canceled = true)))) {
    assert.equal(line, 'a');
    break;
  }
  assert.ok(canceled);
});

test('server-sent events', async () => {
  const text = ': hello\n\nevent: rows\ndata: [1,\ndata: 2]\n\ndata:x\n\nevent: rows\n\nevent: dropped\ndata: {"count":3}\n\nevent: cut\ndata: off';
  assert.deepEqual(await all(serverEvents(stream(text, 3))), [
    { name: 'rows', data: '[1,\n2]' },
    { name: 'message', data: 'x' },
    { name: 'dropped', data: '{"count":3}' },
  ]);
});
