// Environment, cluster and service chosen at the top: they follow the reader and narrow every search.

import { Refusal } from './api.ts';
import { here } from './place.svelte.ts';
import { scoped, type Scope } from './search.ts';

export function scope(): Scope {
  const { env, cluster, service } = here.params;
  return { env, cluster, service };
}

/** The search of this screen within the scope. */
export function scopedSearch(q: string): string {
  return scoped(q, scope()).q;
}

/** A refusal whose places are those of what was typed, not of the search that the scope was added to. */
export function unscoped(error: Error | undefined, q: string): Error | undefined {
  const { shift } = scoped(q, scope());
  if (!(error instanceof Refusal) || !shift || error.start === undefined) return error;
  const move = (place: number) => Math.min(q.length, Math.max(0, place - shift));
  const { message, start, end, expected } = error;
  return new Refusal(error.status, { message, start: move(start), end: move(end ?? start), expected });
}
