// After `typedoc`: every link of the API reference to a page of it, or to a place on one, leads there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs', 'api');
const pages = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.html'),
);
const texts = new Map(pages.map((path) => [join(root, path), readFileSync(join(root, path), 'utf8')]));
let links = 0;
const broken = [];
for (const [page, text] of texts) {
  for (const [, target] of text.matchAll(/\shref="([^"]+)"/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    links++;
    const [path, place = ''] = target.replaceAll('&amp;', '&').split('#');
    const file = path === '' ? page : join(dirname(page), decodeURIComponent(path));
    const known = texts.get(file);
    const isThere = known === undefined ? existsSync(file) : place === '' || known.includes(`id="${place}"`);
    if (!isThere) broken.push(`${relative(root, page)}: ${target}`);
  }
}
if (links === 0) broken.push('there are no links at all');
for (const line of broken) console.error(line);
console.log(`${links} links on ${pages.length} pages, ${broken.length} broken`);
process.exitCode = broken.length === 0 ? 0 : 1;
