// Reads and writes the part of the address behind `#`: a path and parameters, nothing else.
//
// Every state of the console is in there, so an address that is copied shows the same thing to its reader, and the
// server needs no knowledge of screens. Pure, so that node can test it.

export type Params = Record<string, string>;

export interface Place {
  path: string[];
  params: Params;
}

export function parsePlace(hash: string): Place {
  const text = hash.replace(/^#?\/?/, '');
  const mark = text.indexOf('?');
  const path = (mark < 0 ? text : text.slice(0, mark)).split('/').filter(Boolean).map(decode);
  const params: Params = {};
  if (mark >= 0) for (const [name, value] of new URLSearchParams(text.slice(mark + 1))) params[name] = value;
  return { path, params };
}

export function formatPlace(place: Place): string {
  const path = place.path.map(encodeURIComponent).join('/');
  const pairs = Object.entries(place.params).filter(([, value]) => value !== '');
  const query = new URLSearchParams(pairs).toString();
  return `#/${path}${query && `?${query}`}`;
}

/** Parameters changed by `change`; an empty or missing value takes one away. */
export function changed(params: Params, change: Record<string, string | undefined>): Params {
  const result: Params = {};
  for (const [name, value] of Object.entries({ ...params, ...change })) if (value) result[name] = value;
  return result;
}

/** What goes along from screen to screen: the clock range, the event it was set around, and the scope. */
export const CARRIED = ['from', 'to', 'at', 'live', 'env', 'cluster', 'service'] as const;

export function carried(params: Params): Params {
  const result: Params = {};
  for (const name of CARRIED) if (params[name]) result[name] = params[name];
  return result;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
