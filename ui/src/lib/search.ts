// The search language as far as the page must know it: to colour it, complete it, and add or take out a term.
//
// The program alone decides what a search means. Pure.

export type TokenKind = 'field' | 'value' | 'word' | 'text' | 'operator' | 'paren' | 'space';

export interface Token {
  kind: TokenKind;
  text: string;
  start: number;
  end: number;
}

const PATTERN = /(\s+)|([()])|((?:AND|OR|NOT)(?=[\s()]|$)|-(?=\S))|(@?[\w.\-/]+:)(\[[^\]]*\]?|"(?:[^"\\]|\\.)*"?|[^\s()]*)|("(?:[^"\\]|\\.)*"?)|([^\s()]+)/g;

export function tokens(text: string): Token[] {
  const found: Token[] = [];
  for (const match of text.matchAll(PATTERN)) {
    let at = match.index;
    const add = (kind: TokenKind, part: string | undefined) => {
      if (!part) return;
      found.push({ kind, text: part, start: at, end: at + part.length });
      at += part.length;
    };
    add('space', match[1]);
    add('paren', match[2]);
    add('operator', match[3]);
    add('field', match[4]);
    add('value', match[5]);
    add('text', match[6]);
    add('word', match[7]);
  }
  return found;
}

/** A value as it must be written after `field:`. */
export function quoted(value: string): string {
  return /^[\w.\-/@+]+$/.test(value) && !/^(AND|OR|NOT)$/.test(value) ? value : JSON.stringify(value);
}

export function term(field: string, value: string): string {
  return `${field}:${quoted(value)}`;
}

export function hasTerm(q: string, wanted: string): boolean {
  return termPlace(q, wanted) !== undefined;
}

/** Adds a term, or its opposite with `out`; what contradicts it is taken away first. */
export function withTerm(q: string, field: string, value: string, out = false): string {
  const wanted = term(field, value);
  const cleaned = withoutTerm(withoutTerm(q, wanted), `-${wanted}`);
  const added = out ? `-${wanted}` : wanted;
  if (!cleaned) return added;
  return / OR /.test(cleaned) && !isGroup(cleaned) ? `(${cleaned}) ${added}` : `${cleaned} ${added}`;
}

export function withoutTerm(q: string, wanted: string): string {
  const place = termPlace(q, wanted);
  if (place === undefined) return q.trim();
  return `${q.slice(0, place)}${q.slice(place + wanted.length)}`.replace(/\s+/g, ' ').trim();
}

/** Where a term stands by itself, not as a part of a longer one. */
function termPlace(q: string, wanted: string): number | undefined {
  let from = 0;
  for (;;) {
    const at = q.indexOf(wanted, from);
    if (at < 0) return undefined;
    const before = at === 0 ? ' ' : q[at - 1]!;
    const after = q[at + wanted.length] ?? ' ';
    if (/[\s(]/.test(before) && /[\s)]/.test(after)) return at;
    from = at + 1;
  }
}

function isGroup(q: string): boolean {
  return q.startsWith('(') && q.endsWith(')') && !q.slice(1, -1).includes('(');
}

export interface Wanted {
  /** What is completed: the name of a field, or a value of `field`. */
  kind: 'field' | 'value';
  field: string;
  typed: string;
  start: number;
  end: number;
}

/** What could be completed at the caret. */
export function wantedAt(text: string, caret: number): Wanted {
  const all = tokens(text);
  const index = all.findIndex((token) => token.start < caret && caret <= token.end && token.kind !== 'space');
  const token = all[index];
  if (!token) return { kind: 'field', field: '', typed: '', start: caret, end: caret };
  if (token.kind === 'value') {
    const field = all[index - 1]!.text.slice(0, -1);
    return { kind: 'value', field, typed: text.slice(token.start, caret), start: token.start, end: token.end };
  }
  if (token.kind === 'field' && caret === token.end) {
    return { kind: 'value', field: token.text.slice(0, -1), typed: '', start: caret, end: caret };
  }
  if (token.kind === 'field') {
    return { kind: 'field', field: '', typed: text.slice(token.start, caret), start: token.start, end: token.end - 1 };
  }
  if (token.kind === 'word') {
    return { kind: 'field', field: '', typed: text.slice(token.start, caret), start: token.start, end: token.end };
  }
  return { kind: 'field', field: '', typed: '', start: caret, end: caret };
}

/** Words that a search finds in messages, for marking them. */
export function needles(q: string): string[] {
  const found: string[] = [];
  let negated = false;
  for (const token of tokens(q)) {
    if (token.kind === 'space') continue;
    if (!negated && token.kind === 'word') found.push(token.text.replaceAll('*', ''));
    if (!negated && token.kind === 'text') found.push(token.text.replace(/^"|"$/g, '').replace(/\\(.)/g, '$1'));
    negated = token.kind === 'operator' && (token.text === '-' || token.text === 'NOT');
  }
  return found.filter((word) => word.length > 1);
}

/** A text cut where needles are found: every second piece is one. */
export function marked(text: string, words: string[]): string[] {
  if (!words.length) return [text];
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return text.split(new RegExp(`(${escaped.join('|')})`, 'i'));
}

export interface Scope {
  env?: string | undefined;
  cluster?: string | undefined;
  service?: string | undefined;
}

/** A search within a scope. `shift` is how far places in the answer's errors are moved. */
export function scoped(q: string, scope: Scope): { q: string; shift: number } {
  const terms = (['env', 'cluster', 'service'] as const).flatMap((name) => (scope[name] ? [term(name, scope[name])] : []));
  if (!terms.length) return { q, shift: 0 };
  if (!q.trim()) return { q: terms.join(' '), shift: 0 };
  return { q: `(${q}) ${terms.join(' ')}`, shift: 1 };
}
