// Readers of what arrives piece by piece: lines of JSON, and server-sent events. Pure over any stream of bytes.

/** Whole lines of a stream, whatever pieces they come in. */
export async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      rest += decoder.decode(value, { stream: true });
      const whole = rest.split('\n');
      rest = whole.pop() ?? '';
      for (const line of whole) yield line.endsWith('\r') ? line.slice(0, -1) : line;
    }
    rest += decoder.decode();
    if (rest) yield rest;
  } finally {
    // Reached too when the caller stops early: the connection closes, and with it the query.
    await reader.cancel().catch(() => undefined);
  }
}

export async function* jsonLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  for await (const line of lines(stream)) if (line.trim()) yield JSON.parse(line) as unknown;
}

export interface ServerEvent {
  name: string;
  data: string;
}

/** Events as the `text/event-stream` format puts them: fields until an empty line. Comments are left out. */
export async function* serverEvents(stream: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  let name = 'message';
  let data: string[] = [];
  for await (const line of lines(stream)) {
    if (line === '') {
      if (data.length) yield { name, data: data.join('\n') };
      name = 'message';
      data = [];
      continue;
    }
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') name = value;
    if (field === 'data') data.push(value);
  }
}
