// Words of Logs Insights QL and SQL, coloured. No parser: the program says what is wrong and where. Pure.

export type Kind = 'keyword' | 'function' | 'string' | 'number' | 'comment' | 'field' | 'plain';
export interface Piece {
  kind: Kind;
  text: string;
}

const INSIGHTS = new Set('fields display filter stats sort limit parse dedup pattern diff unnest filterindex source by as and or not in like desc asc bin ispresent'.split(' '));
const SQL = new Set('select from where group by order having limit offset as and or not in is null like ilike between case when then else end join left right inner outer on with union all distinct desc asc interval cast extract'.split(' '));

const PATTERN = /(--[^\n]*|#[^\n]*)|('(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|\/(?:[^/\\\n]|\\.)+\/)|(@[\w.]+)|(\b\d[\d.]*[smhdw]?\b)|([A-Za-z_][\w.]*)(?=(\s*\()?)|([\s\S])/g;

export function highlight(text: string, language: 'insights' | 'sql'): Piece[] {
  const words = language === 'sql' ? SQL : INSIGHTS;
  const pieces: Piece[] = [];
  const add = (kind: Kind, part: string) => {
    const last = pieces.at(-1);
    if (last && last.kind === kind && kind === 'plain') last.text += part;
    else pieces.push({ kind, text: part });
  };
  for (const match of text.matchAll(PATTERN)) {
    if (match[1]) add('comment', match[1]);
    else if (match[2]) add('string', match[2]);
    else if (match[3]) add('field', match[3]);
    else if (match[4]) add('number', match[4]);
    else if (match[5]) add(words.has(match[5].toLowerCase()) ? 'keyword' : match[6] ? 'function' : 'plain', match[5]);
    else add('plain', match[7] ?? '');
  }
  return pieces;
}

export const KEYWORDS = { insights: [...INSIGHTS], sql: [...SQL].map((word) => word.toUpperCase()) };
