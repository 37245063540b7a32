// Coloured text with its faulty place marked. Pure.

export interface Place {
  start: number;
  end: number;
}

export interface Marked {
  kind: string;
  text: string;
  bad: boolean;
}

/** The pieces, cut again where the fault begins and ends. */
export function marked(pieces: { kind: string; text: string }[], fault: Place | undefined): Marked[] {
  const found: Marked[] = [];
  let at = 0;
  for (const { kind, text } of pieces) {
    const [start, end] = [at, at + text.length];
    const cuts = fault ? [fault.start, fault.end].filter((cut) => cut > start && cut < end) : [];
    for (const to of [...cuts, end]) {
      found.push({ kind, text: text.slice(at - start, to - start), bad: !!fault && at >= fault.start && to <= fault.end });
      at = to;
    }
  }
  return found;
}
