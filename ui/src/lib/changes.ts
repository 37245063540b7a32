// What a step changed in a record: the lines that one side has and the other has not. Pure.

export interface Line {
  /** Spaces before the text, which no mark covers. */
  indent: string;
  text: string;
  /** Only this side has it. */
  isOwn: boolean;
}

/** A record as the page shows it: a text as it is, anything else as JSON. */
export function written(sample: unknown): string {
  return typeof sample === 'string' ? sample.trimEnd() : JSON.stringify(sample, null, 2);
}

/** The lines of `sample`. Without another side none is marked. A comma at the end of a line is no change. */
export function changes(sample: unknown, other: unknown): Line[] {
  const known = new Map<string, number>();
  if (other !== undefined) for (const line of written(other).split('\n')) known.set(bare(line), (known.get(bare(line)) ?? 0) + 1);
  return written(sample)
    .split('\n')
    .map((line) => {
      const left = known.get(bare(line)) ?? 0;
      known.set(bare(line), left - 1);
      const text = line.trimStart();
      return { indent: line.slice(0, line.length - text.length), text, isOwn: other !== undefined && left <= 0 };
    });
}

function bare(line: string): string {
  return line.replace(/,$/, '');
}
