// The figures as Markdown, for docs/performance.md: a table for each scenario, a row for each figure, a column for each
// side, and in brackets how many times as much the store takes; the row in which it is furthest behind comes first.
import { figure, linesOf } from './report.mjs';

function tableOf(scenario) {
  const rows = new Map();
  const sides = new Set();
  for (const line of linesOf(scenario)) {
    if (line.failure !== undefined) continue;
    const title = [line.variant, line.name].filter((word) => word !== '').join(': ');
    const row = rows.get(title) ?? { title, worst: 0, cells: new Map() };
    rows.set(title, row);
    sides.add(line.side);
    row.cells.set(line.side, line);
    if (!line.side.startsWith('swapstore')) row.worst = Math.max(row.worst, line.ratio ?? 0);
  }
  const columns = [...sides];
  const cell = (line) => {
    if (line === undefined) return '';
    return line.ratio === undefined ? figure(line.value) : `${figure(line.value)} (${line.ratio.toFixed(2)})`;
  };
  const lines = [...rows.values()].sort((a, b) => b.worst - a.worst);
  return [
    `| | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => '---:|').join('')}`,
    ...lines.map(
      ({ title, cells }) => `| ${title} | ${columns.map((side) => cell(cells.get(side))).join(' | ')} |`,
    ),
  ].join('\n');
}

export function markdownOf({ scenarios }) {
  return scenarios
    .map((scenario) => {
      const { title, unit, runs } = scenario;
      const median = runs > 1 ? `median of ${runs} runs` : 'one run';
      return `### ${title[0].toUpperCase()}${title.slice(1)}\n\n${unit === '' ? '' : `${unit}; `}${median}\n\n${tableOf(scenario)}\n`;
    })
    .join('\n');
}
