/**
 * Every figure of a store on a registry of prom-client, with its unit and what it means, and how long values take on their
 * way as histograms. The figures are read when the registry is, and not before.
 *
 * Several stores can be on one registry; the label `store` tells them apart.
 */
import {
  Counter,
  Gauge,
  type Metric as PromMetric,
  type Registry,
  register as standardRegistry,
} from 'prom-client';
import type { SwapStoreStats } from '../stats.js';
import type { SwapStore } from '../swap-store.js';
import { cumulativeBuckets, latencyList, type Metric, metricList } from './metrics.js';

export interface PrometheusOptions {
  /** Default: prom-client's own. */
  registry?: Registry;
  /** The value of the label `store`. Default 'default'. */
  name?: string;
}

/** The stores of a registry by their name. */
const storesOf = new WeakMap<Registry, Map<string, SwapStore>>();

/**
 * Puts a store on a registry; one of the same name is replaced. Returns what takes it off again.
 *
 * @throws Error as prom-client does, when the registry has metrics of these names that are not ours.
 */
export default function registerMetrics(
  store: SwapStore,
  { registry = standardRegistry, name = 'default' }: PrometheusOptions = {},
): () => void {
  let stores = storesOf.get(registry);
  if (stores === undefined) {
    stores = new Map();
    registerAll(registry, stores);
    storesOf.set(registry, stores);
  }
  stores.set(name, store);
  // They are counted from now on.
  store.latencies();
  return () => {
    if (stores.get(name) === store) stores.delete(name);
  };
}

/**
 * The figures of all stores, read once for all metrics of a scrape, so that they are of one instant: a scrape asks for each
 * of them once, and what is asked for again, or a second later, is read anew.
 */
class Figures {
  readonly #stores: ReadonlyMap<string, SwapStore>;
  #read: Array<[string, SwapStoreStats]> = [];
  #readAtMs = 0;
  /** What nobody has asked for since. */
  readonly #left = new Set<keyof SwapStoreStats>();

  constructor(stores: ReadonlyMap<string, SwapStore>) {
    this.#stores = stores;
  }

  /** One figure of each store, with its name. */
  of(key: keyof SwapStoreStats): Array<[string, number]> {
    const nowMs = performance.now();
    if (!this.#left.delete(key) || nowMs - this.#readAtMs > 1000) {
      this.#readAtMs = nowMs;
      this.#read = [...this.#stores].map(([name, store]) => [name, store.stats()]);
      for (const [other] of metricList) if (other !== key) this.#left.add(other);
    }
    return this.#read.map(([name, stats]) => [name, Number(stats[key])]);
  }
}

function registerAll(registry: Registry, stores: ReadonlyMap<string, SwapStore>): void {
  const figures = new Figures(stores);
  for (const [key, metric] of metricList) {
    const configuration = {
      name: nameOf(metric),
      help: metric.help,
      labelNames: ['store'] as const,
      registers: [registry],
    };
    if (metric.kind === 'gauge') {
      const gauge: Gauge<'store'> = new Gauge({
        ...configuration,
        collect() {
          gauge.reset();
          for (const [store, value] of figures.of(key)) gauge.set({ store }, value);
        },
      });
    } else {
      const counter: Counter<'store'> = new Counter({
        ...configuration,
        collect() {
          counter.reset();
          for (const [store, value] of figures.of(key)) counter.inc({ store }, value);
        },
      });
    }
  }
  for (const [key, { name, help }] of latencyList) {
    const metric = new LatencyMetric(`swapstore_${name}_seconds`, help, () =>
      [...stores].map(([store, opened]) => ({ store, histogram: opened.latencies()[key] })),
    );
    // prom-client asks for no more of a metric than that, but its type names its own classes.
    registry.registerMetric(metric as unknown as PromMetric);
  }
}

/** `swapstore_<name>_<unit>`, with `_total` at the end of what only grows. */
function nameOf({ kind, name, unit }: Metric): string {
  const unitless = unit === 'flag' || unit === 'ratio';
  return `swapstore_${name}${unitless ? '' : `_${unit}`}${kind === 'counter' ? '_total' : ''}`;
}

interface Sample {
  readonly store: string;
  readonly histogram: Parameters<typeof cumulativeBuckets>[0];
}

interface PromValue {
  readonly metricName: string;
  readonly labels: Record<string, string | number>;
  readonly value: number;
}

/** A histogram that is counted elsewhere; prom-client's own must be told of each value. */
class LatencyMetric {
  readonly aggregator = 'sum';
  readonly type = 'histogram';
  readonly name: string;
  readonly help: string;
  readonly #samples: () => Sample[];

  constructor(name: string, help: string, samples: () => Sample[]) {
    this.name = name;
    this.help = help;
    this.#samples = samples;
  }

  async get(): Promise<object> {
    const values: PromValue[] = [];
    for (const { store, histogram } of this.#samples()) {
      for (const { le, count } of cumulativeBuckets(histogram)) {
        const bound = Number.isFinite(le) ? le : '+Inf';
        values.push({ metricName: `${this.name}_bucket`, labels: { le: bound, store }, value: count });
      }
      values.push({ metricName: `${this.name}_sum`, labels: { store }, value: histogram.sumMs / 1000 });
      values.push({ metricName: `${this.name}_count`, labels: { store }, value: histogram.count });
    }
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values };
  }

  /** What the registry does between tests; the figures are the store's. */
  reset(): void {}
}
