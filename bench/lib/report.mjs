// What the figures look like in a terminal: a table for each scenario, with the ratio of the store to each other side.
import Table from 'cli-table3';

/** A table without lines between its rows. */
export function createTable(head) {
  const chars = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };
  return new Table({ head, style: { head: [], border: [] }, chars });
}

export function figure(number) {
  if (number === undefined) return '';
  if (number >= 1000) return Math.round(number).toLocaleString('en');
  return number.toPrecision(3);
}

/** The store's figure by the other's, so that less than 1 is better, whichever way the figures go. */
export function ratioOf(own, other, moreIsBetter) {
  return moreIsBetter ? other / own : own / other;
}

/** One line for each figure of each side: [variant, figure, side, value, ratio]. */
export function linesOf({ rows, moreIsBetter }) {
  const lines = [];
  for (const { variant, figures } of rows) {
    const own = figures.swapstore ?? {};
    for (const [side, values] of Object.entries(figures)) {
      if (values.failure !== undefined) {
        lines.push({ variant, name: '', side, failure: values.failure });
        continue;
      }
      for (const [name, value] of Object.entries(values)) {
        const isOwn = side === 'swapstore' || own[name] === undefined || own[name] === 0 || value === 0;
        lines.push({
          variant,
          name,
          side,
          value,
          ratio: isOwn ? undefined : ratioOf(own[name], value, moreIsBetter),
        });
      }
    }
  }
  return lines.sort((a, b) => order(a, b));
}

function order(a, b) {
  const key = (line) => `${line.variant}\0${line.name}`;
  return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;
}

export function printScenario(scenario) {
  const { title, unit, runs } = scenario;
  console.log(`\n${title}${unit === '' ? '' : `, ${unit}`} (median of ${runs})`);
  const table = createTable(['', 'figure', 'side', unit, 'swapstore / side']);
  for (const { variant, name, side, value, ratio, failure } of linesOf(scenario))
    table.push([variant, name, side, failure ?? figure(value), ratio === undefined ? '' : ratio.toFixed(2)]);
  console.log(table.toString());
}

/** The rows in which the store is furthest behind. */
export function printWorst({ scenarios }) {
  const behind = scenarios
    .flatMap((scenario) => linesOf(scenario).map((line) => ({ ...line, title: scenario.title })))
    .filter(({ ratio }) => ratio > 1)
    .sort((a, b) => b.ratio - a.ratio);
  console.log(`\nBehind in ${behind.length} rows${behind.length > 0 ? ', the worst first:' : '.'}`);
  for (const { title, variant, name, side, ratio } of behind.slice(0, 20))
    console.log(`  ${ratio.toFixed(2)} x ${side}: ${title}; ${variant} ${name}`);
}
