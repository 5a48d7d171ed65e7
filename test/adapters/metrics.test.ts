/** Figures of a store on prom-client and on the OpenTelemetry API: all of them, and those that `stats()` has. */
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { Registry } from 'prom-client';
import { describe, expect, it, vi } from 'vitest';
import { metricList } from '../../dist/adapters/metrics.js';
import observeWithOpenTelemetry from '../../dist/adapters/opentelemetry.js';
import registerWithPrometheus from '../../dist/adapters/prometheus.js';
import { openStore, type SwapStore } from '../support/store.js';

function busyStore(): SwapStore {
  const store = openStore({ maxMemory: 65_536, threads: 0 });
  for (let index = 0; index < 300; index++) store.set(`k${index}`, 'x'.repeat(1_000));
  for (let index = 0; index < 300; index += 3) store.get(`k${index}`);
  return store;
}

/** The samples of a scrape: `name{labels}` and value. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

describe('the figures for Prometheus', () => {
  it('are those of stats(), each with help, type and unit', async () => {
    const registry = new Registry();
    const store = openStore({ maxMemory: 65_536, threads: 0 });
    registerWithPrometheus(store, { registry, name: 'main' });
    for (let index = 0; index < 300; index++) store.set(`k${index}`, 'x'.repeat(1_000));
    for (let index = 0; index < 300; index += 3) store.get(`k${index}`);
    const text = await registry.metrics();
    const samples = samplesOf(text);
    const stats = store.stats();
    expect(samples.get('swapstore_open{store="main"}')).toBe(1);
    expect(samples.get('swapstore_memory_limit_bytes{store="main"}')).toBe(65_536);
    expect(samples.get('swapstore_stored_entries{store="main"}')).toBe(300);
    expect(samples.get('swapstore_swap_outs_entries_total{store="main"}')).toBe(stats.swapOuts);
    expect(samples.get('swapstore_faults_calls_total{store="main"}')).toBe(stats.faults);
    expect(samples.get('swapstore_written_bytes_total{store="main"}')).toBe(stats.bytesWritten);
    const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    expect(names).toHaveLength(Object.keys(stats).length + 3);
    for (const [, name, type] of names) {
      expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'));
      if (type === 'counter') expect(name).toMatch(/_total$/);
      else expect(name).not.toMatch(/_total$/);
    }
    expect(samples.get('swapstore_swap_in_seconds_count{store="main"}')).toBe(stats.swapIns);
    expect(samples.get('swapstore_swap_in_seconds_bucket{le="+Inf",store="main"}')).toBe(stats.swapIns);
    expect(samples.get('swapstore_swap_in_seconds_sum{store="main"}')).toBeGreaterThan(0);
    // Read anew at each scrape, and once for all of them.
    store.delete('k0');
    const read = vi.spyOn(store, 'stats');
    expect(samplesOf(await registry.metrics()).get('swapstore_stored_entries{store="main"}')).toBe(299);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('keep several stores of one registry apart, and let one go', async () => {
    const registry = new Registry();
    const [a, b] = [busyStore(), openStore()];
    const remove = registerWithPrometheus(a, { registry, name: 'a' });
    registerWithPrometheus(b, { registry, name: 'b' });
    const samples = samplesOf(await registry.metrics());
    expect(samples.get('swapstore_stored_entries{store="a"}')).toBe(300);
    expect(samples.get('swapstore_stored_entries{store="b"}')).toBe(0);
    remove();
    const after = samplesOf(await registry.metrics());
    expect([...after.keys()].filter((key) => key.includes('store="a"'))).toEqual([]);
    expect(after.get('swapstore_stored_entries{store="b"}')).toBe(0);
  });
});

describe('the figures for OpenTelemetry', () => {
  it('are those of stats(), each with description and unit', async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
    const provider = new MeterProvider({ readers: [reader] });
    const store = openStore({ maxMemory: 65_536, threads: 0 });
    const stop = observeWithOpenTelemetry(store, {
      meter: provider.getMeter('test'),
      attributes: { store: 'main' },
    });
    for (let index = 0; index < 300; index++) store.set(`k${index}`, 'x'.repeat(1_000));
    for (let index = 0; index < 300; index += 3) store.get(`k${index}`);
    const { resourceMetrics } = await reader.collect();
    const found = new Map(
      resourceMetrics.scopeMetrics[0]!.metrics.map((metric) => [metric.descriptor.name, metric]),
    );
    expect(found.size).toBe(metricList.length + 6);
    const stats = store.stats();
    const lastOf = (name: string) => found.get(name)!.dataPoints[0]!.value;
    expect(lastOf('swapstore.stored.entries')).toBe(300);
    expect(lastOf('swapstore.faults.calls')).toBe(stats.faults);
    expect(lastOf('swapstore.fragmentation')).toBe(stats.fragmentation);
    expect(found.get('swapstore.written.bytes')!.descriptor.unit).toBe('By');
    for (const { descriptor, dataPoints } of found.values()) {
      expect(descriptor.description).not.toBe('');
      expect(dataPoints[0]!.attributes).toMatchObject({ store: 'main' });
    }
    const buckets = found.get('swapstore.swap_in.bucket')!.dataPoints;
    expect(buckets.at(-1)).toMatchObject({ attributes: { le: 'Infinity' }, value: stats.swapIns });
    stop();
    for (let index = 0; index < 50; index++) store.delete(`k${index}`);
    const after = (await reader.collect()).resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
    const stored = after.find(({ descriptor }) => descriptor.name === 'swapstore.stored.entries');
    expect(stored?.dataPoints.map(({ value }) => value) ?? []).not.toContain(250);
    await provider.shutdown();
  });
});
