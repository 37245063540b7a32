// Fails when the console outgrows its budget: what the first page loads, and everything together; and so the page of
// pipelines that the lean build holds. All gzipped.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

const FIRST_ROUTE_BYTES = 90 * 1024;
const EVERYTHING_BYTES = 300 * 1024;
const LEAN_BYTES = 40 * 1024;
const dist = new URL('../dist', import.meta.url).pathname;
const assets = join(dist, 'assets');
const lean = new URL('../dist-lean', import.meta.url).pathname;

if (!existsSync(assets) || !existsSync(lean)) {
  console.error('no ui/dist or ui/dist-lean: run `npm run build` first');
  process.exit(1);
}

const sizes = new Map(
  readdirSync(assets)
    .filter((name) => /\.(js|css)$/.test(name))
    .map((name) => [name, statSync(join(assets, `${name}.gz`)).size]),
);

/** The scripts and sheets that `name` loads at once: static imports, not those a route asks for later. */
function needs(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  if (!name.endsWith('.js')) return found;
  const text = readFileSync(join(assets, name), 'utf8');
  for (const match of text.matchAll(/(?:from|import)\s*["']\.\/([^"']+)["']/g)) needs(match[1], found);
  return found;
}

const html = readFileSync(join(dist, 'index.html'), 'utf8');
const entry = [...html.matchAll(/(?:src|href)="[^"]*\/([^"/]+\.(?:js|css))"/g)].map((match) => match[1]);
const home = [...sizes.keys()].filter((name) => name.startsWith('Home-'));
const first = new Set();
for (const name of [...entry, ...home]) needs(name, first);

// A chunk's sheet has the chunk's name and is loaded with it.
for (const name of [...first]) {
  const stem = name.replace(/-[^-]*\.js$/, '-');
  if (name.endsWith('.js')) for (const sheet of sizes.keys()) if (sheet.endsWith('.css') && sheet.startsWith(stem)) first.add(sheet);
}

const sum = (names) => [...names].reduce((total, name) => total + (sizes.get(basename(name)) ?? 0), 0);
/** All files, the page itself and its icon included. */
const leanBytes = readdirSync(lean, { recursive: true })
  .filter((name) => name.endsWith('.gz'))
  .reduce((total, name) => total + statSync(join(lean, name)).size, 0);
const rows = [
  ['first route', sum(first), FIRST_ROUTE_BYTES],
  ['everything', sum(sizes.keys()), EVERYTHING_BYTES],
  ['lean', leanBytes, LEAN_BYTES],
];
let over = false;
for (const [what, bytes, budget] of rows) {
  console.log(`${what.padEnd(12)} ${(bytes / 1024).toFixed(1)} KB of ${budget / 1024} KB gzipped`);
  over ||= bytes > budget;
}
if (over) {
  console.error('the console is over its budget; the largest files are:');
  for (const [name, bytes] of [...sizes].sort((a, b) => b[1] - a[1]).slice(0, 8)) console.error(`  ${bytes}  ${name}`);
  process.exit(1);
}
