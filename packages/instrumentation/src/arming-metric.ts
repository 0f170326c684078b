import type { Meter } from '@opentelemetry/api';
import { state } from './global.js';

/** `custody.instrumentation.adapter`: 1 for each framework and what became of it, by the application's own MeterProvider. */
export function observeAdapters(meter: Meter): void {
  const gauge = meter.createObservableGauge('custody.instrumentation.adapter', {
    description: 'Frameworks by whether their tool calls are recorded: armed, waiting (never seen), unarmed',
  });
  gauge.addCallback((result) => {
    for (const { framework, state: own, why, version } of state().adapters.values()) {
      result.observe(1, { framework, state: own, ...(why && { why }), ...(version && { version }) });
    }
  });
}
