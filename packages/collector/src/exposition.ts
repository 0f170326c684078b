import type { Finding } from '@agent-custody/chain';
import { Counter, type OpenMetricsContentType, Registry } from 'prom-client';

/** The formats that the metrics are shown in, by media type. Prometheus 3 refuses a scrape without one that it knows. */
export const EXPOSITION_TYPES = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openMetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
} as const;
export type ExpositionFormat = keyof typeof EXPOSITION_TYPES;

/** The metrics as they are now, to be rendered in one of the formats. Only OpenMetrics has room for exemplars. */
export type MetricsPage = Readonly<Record<ExpositionFormat, () => Promise<string>>>;

/** A registry whose metrics may have exemplars. */
export type ExemplarRegistry = Registry<OpenMetricsContentType>;

export function createExemplarRegistry(): ExemplarRegistry {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(EXPOSITION_TYPES.openMetrics);
  return registry;
}

/**
 * The page of a registry in both formats, of the metrics that it has by now. There is a registry for each: to change the type of one
 * would change the scrapes of others that are being rendered.
 */
export function createPage(registry: ExemplarRegistry): MetricsPage {
  const text = new Registry();
  for (const { name } of registry.getMetricsAsArray()) {
    const metric = registry.getSingleMetric(name);
    if (metric instanceof Counter) text.registerMetric(underItsName(metric, name));
    else if (metric !== undefined) text.registerMetric(metric);
  }
  return { text: () => text.metrics(), openMetrics: () => registry.metrics() };
}

/**
 * The same counter, whose name stays: a rendering as OpenMetrics takes `_total` off the name for good and adds it to the series, and
 * as text the series would then be another.
 */
function underItsName(counter: Counter, name: string): Counter {
  const named: Counter = Object.create(counter, { name: { value: name } });
  return named;
}

/** The labels of an exemplar: Grafana's data source leads from `trace_id` to the trace. */
export type ExemplarLabel = 'trace_id' | 'span_id';

/**
 * The exemplar that leads to the span of a finding; undefined when no trace is known.
 *
 * An agent has a say in the ids, OpenMetrics allows 128 characters in all, and beyond them prom-client throws: hex or nothing.
 */
export function exemplarOf({ traceId, spanId }: Pick<Finding, 'traceId' | 'spanId'>): Partial<Record<ExemplarLabel, string>> | undefined {
  if (!/^[0-9a-f]{32}$/.test(traceId)) return undefined;
  return { trace_id: traceId, ...(/^[0-9a-f]{16}$/.test(spanId) && { span_id: spanId }) };
}
