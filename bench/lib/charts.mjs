// Charts as SVG for the README and docs/performance.md, one for each scenario: bars on a log axis, the store's in a
// colour of its own. No background, and inks that can be read on a light page and on a dark one.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as vega from 'vega';
import { compile } from 'vega-lite';
import { linesOf } from './report.mjs';

const ink = '#7d8590';
const own = '#2f81f7';
const other = '#9aa4af';

function specOf(scenario) {
  // Only what is in the scenario's unit.
  const lines = linesOf(scenario).filter(({ name, value }) => value > 0 && !/%|bytes|thousands/.test(name));
  const values = lines.map(({ variant, name, side, value }) => ({
    row: [variant, name].filter((word) => word !== '').join(', '),
    side,
    value,
    isOwn: side.startsWith('swapstore'),
  }));
  const least = 10 ** Math.floor(Math.log10(Math.min(...lines.map(({ value }) => value))));
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: null,
    title: { text: scenario.title, anchor: 'start', color: ink, fontSize: 13 },
    data: { values },
    facet: {
      row: {
        field: 'row',
        type: 'nominal',
        title: null,
        header: { labelAngle: 0, labelAlign: 'left', labelColor: ink },
      },
    },
    spec: {
      width: 420,
      height: { step: 15 },
      mark: { type: 'bar' },
      encoding: {
        y: { field: 'side', type: 'nominal', sort: null, title: null },
        x: {
          field: 'value',
          type: 'quantitative',
          scale: { type: 'log', domainMin: least },
          title: `${scenario.unit}${scenario.moreIsBetter ? '' : ', less is better'} (log)`,
        },
        // A bar on a log axis has no natural beginning.
        x2: { datum: least },
        color: {
          field: 'isOwn',
          type: 'nominal',
          scale: { domain: [true, false], range: [own, other] },
          legend: null,
        },
      },
    },
    resolve: { scale: { y: 'independent' } },
    config: {
      axis: {
        labelLimit: 240,
        labelColor: ink,
        titleColor: ink,
        gridColor: '#7d859033',
        domainColor: ink,
        tickColor: ink,
      },
      view: { stroke: null },
    },
  };
}

export async function drawCharts({ scenarios }, folder) {
  for (const scenario of scenarios) {
    if (scenario.unit === '' || scenario.rows.length === 0) continue;
    const view = new vega.View(vega.parse(compile(specOf(scenario)).spec), { renderer: 'none' });
    writeFileSync(join(folder, `${scenario.name}.svg`), await view.toSVG());
    view.finalize();
  }
}
