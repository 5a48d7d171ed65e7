// The figures of a store as observable instruments of OpenTelemetry, collected by its SDK.
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { SwapStore } from 'swapstore';
import registerMetrics from 'swapstore/opentelemetry';

// In a program of yours: the exporter of your backend, and metrics.setGlobalMeterProvider(provider).
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter });
const provider = new MeterProvider({ readers: [reader] });

const store = new SwapStore({ maxMemory: 1024 * 1024 });
registerMetrics(store, { meter: provider.getMeter('swapstore'), attributes: { store: 'pages' } });

for (let page = 0; page < 3_000; page++) store.set(`page:${page}`, '<p>'.repeat(500));
for (let page = 0; page < 3_000; page += 10) store.get(`page:${page}`);

await reader.forceFlush();
for (const { descriptor, dataPoints } of exporter.getMetrics()[0].scopeMetrics[0].metrics)
  if (/stored|faults|resident/.test(descriptor.name))
    console.log(descriptor.name, dataPoints[0].value, descriptor.unit);
await provider.shutdown();
await store.close();
