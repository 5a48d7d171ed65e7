/**
 * Every figure of a store as an observable instrument of OpenTelemetry, with its unit and what it means. The API has no
 * observable histogram: how long values take on their way is told as Prometheus does, by counters of what was at most so
 * long (attribute `le`, seconds) and a sum. All of it is read when the meter collects, and not before.
 */
import { type Attributes, metrics as globalMetrics, type Meter, type Observable } from '@opentelemetry/api';
import type { SwapStoreStats } from '../stats.js';
import type { SwapStore } from '../swap-store.js';
import { cumulativeBuckets, latencyList, type Metric, metricList } from './metrics.js';

export interface OpenTelemetryOptions {
  /** Default: the meter `swapstore` of the global provider. */
  meter?: Meter;
  /** Put on every observation; give each store its own where there are several. Default: none. */
  attributes?: Attributes;
}

/** Units as OpenTelemetry writes them (UCUM). */
const units: Readonly<Record<Metric['unit'], string>> = {
  bytes: 'By',
  pages: '{page}',
  entries: '{entry}',
  jobs: '{job}',
  threads: '{thread}',
  calls: '{call}',
  errors: '{error}',
  ratio: '1',
  flag: '1',
};

/** Observes a store. Returns what ends that. */
export default function registerMetrics(
  store: SwapStore,
  { meter = globalMetrics.getMeter('swapstore'), attributes = {} }: OpenTelemetryOptions = {},
): () => void {
  const figures = metricList.map(([key, metric]) => ({ key, instrument: instrumentOf(meter, metric) }));
  const latencies = latencyList.map(([key, { name, help }]) => ({
    key,
    buckets: meter.createObservableCounter(`swapstore.${name}.bucket`, { unit: '1', description: help }),
    sum: meter.createObservableCounter(`swapstore.${name}.sum`, { unit: 's', description: help }),
  }));
  const observe = (result: {
    observe(instrument: Observable, value: number, attributes: Attributes): void;
  }): void => {
    const stats: SwapStoreStats = store.stats();
    for (const { key, instrument } of figures) result.observe(instrument, Number(stats[key]), attributes);
    const measured = store.latencies();
    for (const { key, buckets, sum } of latencies) {
      for (const { le, count } of cumulativeBuckets(measured[key]))
        result.observe(buckets, count, { ...attributes, le: String(le) });
      result.observe(sum, measured[key].sumMs / 1000, attributes);
    }
  };
  const observed = [
    ...figures.map(({ instrument }) => instrument),
    ...latencies.flatMap(({ buckets, sum }) => [buckets, sum]),
  ];
  meter.addBatchObservableCallback(observe, observed);
  // They are counted from now on.
  store.latencies();
  return () => meter.removeBatchObservableCallback(observe, observed);
}

function instrumentOf(meter: Meter, { kind, name, unit, help }: Metric): Observable {
  const instrumentName = `swapstore.${name}${unit === 'ratio' || unit === 'flag' ? '' : `.${unit}`}`;
  const options = { unit: units[unit], description: help };
  return kind === 'counter'
    ? meter.createObservableCounter(instrumentName, options)
    : meter.createObservableGauge(instrumentName, options);
}
