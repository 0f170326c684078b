import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

/** Ends the journey of a span where its recording ends. */
const NOWHERE = { onStart() {}, onEnd() {}, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };

/**
 * The application's own tracing, set up as its documentation says.
 *
 * @param {string | undefined} url where spans are exported to; undefined: they are recorded and go nowhere
 */
export function tracing(url) {
  const processor = url === undefined ? NOWHERE : new BatchSpanProcessor(new OTLPTraceExporter({ url }), { maxQueueSize: 100_000 });
  const provider = new NodeTracerProvider({ spanProcessors: [processor] });
  provider.register();
  return provider;
}

/** A folder for a spool, which goes with the process. */
export function spoolFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'agent-custody-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
