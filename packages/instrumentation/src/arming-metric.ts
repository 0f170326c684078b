import type { Attributes, Meter } from '@opentelemetry/api';
import { state } from './global.js';

/**
 * `custody.instrumentation.adapter`, by the application's own MeterProvider: 1 for each framework and what became of it, 0 for what
 * it was before.
 */
export function observeAdapters(meter: Meter): void {
  const gauge = meter.createObservableGauge('custody.instrumentation.adapter', {
    description: 'Frameworks by whether their tool calls are recorded: armed, waiting (never seen), unarmed, toolless (runs none)',
  });
  const said = new Map<string, Attributes>();
  gauge.addCallback((result) => {
    const rows = [...state().adapters.values()].map(({ framework, state: own, why, version }): Attributes => {
      return { framework, state: own, ...(why && { why }), ...(version && { version }) };
    });
    const current = new Map(rows.map((attributes) => [JSON.stringify(attributes), attributes]));
    for (const [key, attributes] of current) said.set(key, attributes);
    // The SDK goes on exporting the last value of attributes that are observed no more: what is over has to be said to be over.
    for (const [key, attributes] of said) result.observe(current.has(key) ? 1 : 0, attributes);
  });
}
