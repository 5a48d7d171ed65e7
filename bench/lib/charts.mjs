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

const config = {
  axis: {
    labelLimit: 240,
    labelColor: ink,
    titleColor: ink,
    gridColor: '#7d859033',
    domainColor: ink,
    tickColor: ink,
  },
  view: { stroke: null },
};

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
    config,
  };
}

async function draw(spec, path) {
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: 'none' });
  writeFileSync(path, await view.toSVG());
  view.finalize();
}

export async function drawCharts({ scenarios }, folder) {
  for (const scenario of scenarios) {
    if (scenario.unit === '' || scenario.rows.length === 0) continue;
    await draw(specOf(scenario), join(folder, `${scenario.name}.svg`));
  }
}

/** Hit rates of replayed traces: a panel for each trace, a line for each side, memory along the bottom. */
export async function drawHitRates(rows, folder) {
  const shown = ['swapstore adaptive', 'LRU', 'W-TinyLFU', 'S3-FIFO', 'optimum'];
  const colors = [own, '#d29922', '#a371f7', '#3fb950', other];
  const values = rows.flatMap(({ trace, share, sides }) =>
    shown.map((side) => ({ trace, memory: 100 * share, side, hits: sides[side].hitRate })),
  );
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: null,
    title: {
      text: 'Requests that met their value in memory',
      anchor: 'start',
      color: ink,
      fontSize: 13,
    },
    data: { values },
    facet: { field: 'trace', type: 'nominal', title: null, header: { labelColor: ink } },
    columns: 3,
    spec: {
      width: 180,
      height: 130,
      mark: { type: 'line', point: true },
      encoding: {
        x: {
          field: 'memory',
          type: 'quantitative',
          scale: { type: 'log' },
          axis: { values: [1, 5, 10, 25] },
          title: 'memory, % of the keys',
        },
        y: { field: 'hits', type: 'quantitative', title: 'hits, %' },
        color: {
          field: 'side',
          type: 'nominal',
          sort: null,
          title: null,
          scale: { domain: shown, range: colors },
          legend: { labelColor: ink, orient: 'bottom' },
        },
      },
    },
    resolve: { scale: { y: 'independent' } },
    config,
  };
  await draw(spec, join(folder, 'hit-rates.svg'));
}
