// Severities: their order, and the sign each has beside its colour, since colour alone tells nothing to many.

export const SEVERITIES = ['FATAL', 'ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE'] as const;
export type Known = (typeof SEVERITIES)[number] | 'NONE';

const GLYPHS: Record<Known, string> = { FATAL: '◆', ERROR: '✕', WARN: '▲', INFO: '●', DEBUG: '○', TRACE: '·', NONE: '–' };

export function known(severity: string | null | undefined): Known {
  const upper = (severity ?? '').toUpperCase();
  return (SEVERITIES as readonly string[]).includes(upper) ? (upper as Known) : 'NONE';
}

export function glyph(severity: string | null | undefined): string {
  return GLYPHS[known(severity)];
}
