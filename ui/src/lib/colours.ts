// Colours of services and series: a name has the same one on every screen and in both themes.
//
// The colours themselves are in app.css as --series-0 to --series-9, once for each theme.

const SERIES = 10;

export function slot(name: string): number {
  let hash = 2166136261;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 16777619);
  return (hash >>> 0) % SERIES;
}

/** A slot for each name, different ones as long as there are enough; names decide, not their order. */
export function slots(names: string[]): Map<string, number> {
  const taken = new Set<number>();
  const result = new Map<string, number>();
  for (const name of [...new Set(names)].sort()) {
    let at = slot(name);
    if (taken.size < SERIES) while (taken.has(at)) at = (at + 1) % SERIES;
    taken.add(at);
    result.set(name, at);
  }
  return result;
}
