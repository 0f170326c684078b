import { diag, type MeterProvider, metrics, ProxyTracerProvider, type TextMapPropagator, trace } from '@opentelemetry/api';
import {
  CompositePropagator,
  getStringFromEnv,
  getStringListFromEnv,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { Resource } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { YieldingProvider } from './yielding.js';

/**
 * Sets up what the OTEL_* variables ask for, unless the application has registered a provider. One that it registers later takes
 * the place of ours: a preload cannot know what the application is about to do, and must not be in its way.
 *
 * @returns the provider, or undefined when the application's own is there
 */
export function setUpProvider(resource: Resource): NodeTracerProvider | undefined {
  if (hasProvider()) return undefined;
  // Sampler, span limits and batching are read from the environment by the SDK's own classes.
  const provider = new NodeTracerProvider({ resource, spanProcessors: processors() });
  provider.register({ propagator: propagator() });
  const yielding = new YieldingProvider(provider);
  trace.disable();
  trace.setGlobalTracerProvider(yielding);
  yielding.watch();
  return provider;
}

/** The API has no proxies for meters: a provider that comes later has to be handed on. */
export function watchMeterProvider(use: (provider: MeterProvider) => void): void {
  const { setGlobalMeterProvider } = metrics;
  metrics.setGlobalMeterProvider = (own) => {
    metrics.setGlobalMeterProvider = setGlobalMeterProvider;
    use(own);
    return setGlobalMeterProvider.call(metrics, own);
  };
}

function hasProvider(): boolean {
  const global = trace.getTracerProvider();
  const none = new ProxyTracerProvider().getDelegate();
  return (global instanceof ProxyTracerProvider ? global.getDelegate() : global) !== none;
}

function processors(): SpanProcessor[] {
  const names = getStringListFromEnv('OTEL_TRACES_EXPORTER') ?? ['otlp'];
  return names.flatMap((name): SpanProcessor[] => {
    if (name === 'otlp') return [new BatchSpanProcessor(new OTLPTraceExporter())];
    if (name === 'console') return [new SimpleSpanProcessor(new ConsoleSpanExporter())];
    if (name !== 'none') diag.warn(`agent-custody: OTEL_TRACES_EXPORTER=${name} is not known here (otlp, console, none): ignored`);
    return [];
  });
}

/** Null: none, as the SDK reads it. */
function propagator(): TextMapPropagator | null {
  const names = getStringListFromEnv('OTEL_PROPAGATORS') ?? ['tracecontext', 'baggage'];
  const propagators = [...new Set(names)].flatMap((name): TextMapPropagator[] => {
    if (name === 'tracecontext') return [new W3CTraceContextPropagator()];
    if (name === 'baggage') return [new W3CBaggagePropagator()];
    if (name !== 'none') diag.warn(`agent-custody: OTEL_PROPAGATORS=${name} is not known here (tracecontext, baggage, none): ignored`);
    return [];
  });
  return propagators.length === 0 || names.includes('none') ? null : new CompositePropagator({ propagators });
}

/** OTLP by protobuf over HTTP is what there is; another protocol is said to be ignored, where the exporter would do so silently. */
export function protocolWarning(): string | undefined {
  const name = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'].find(
    (variable) => getStringFromEnv(variable) !== undefined,
  );
  const protocol = name && getStringFromEnv(name);
  return protocol === undefined || protocol === 'http/protobuf' ? undefined : `${name}=${protocol}: http/protobuf is used instead`;
}
