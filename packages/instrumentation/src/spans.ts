import {
  type Context,
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { unixNanos } from './clock.js';
import { guarded } from './errors.js';
import { SpanFacade, SpanStandIn } from './facade.js';
import { type Frame, state } from './global.js';
import { newSpanId, newTraceId } from './random.js';
import { SCOPE_NAME, SCOPE_VERSION } from './version.js';

/** The span that is to carry one link: from the application's tracer, or of the writer's own making. */
export interface LinkSpan {
  readonly name: string;
  readonly parent: Context;
  readonly spanContext: SpanContext;
  /** 16 hex, '' for a root. */
  readonly parentSpanId: string;
  readonly startNs: bigint;
  /** Undefined when the link leaves by the evidence channel alone. */
  readonly span: Span | undefined;
  /** Whether the application's exporters will see it: neither sampled out nor suppressed. */
  readonly exported: boolean;
}

/**
 * Starts the span of a link under what `parent` holds. Ids are those of the application's tracer where it gives any;
 * `suppressTracing`, or no SDK at all, gives zero ids, and then the writer makes its own: a link without ids is malformed.
 */
export function startLinkSpan(name: string, parent: Context): LinkSpan {
  const { evidence, spans } = state().configuration;
  const above = validContext(parent);
  const startNs = unixNanos();
  // Attributes come after startSpan: those passed to it cost twice as much.
  const span = evidence === undefined || spans ? guarded('startSpan', () => tracer().startSpan(name, undefined, parent)) : undefined;
  const given = span?.spanContext();
  if (span && given && isSpanContextValid(given)) {
    const exported = span.isRecording() && (given.traceFlags & TraceFlags.SAMPLED) !== 0;
    return { name, parent, spanContext: given, parentSpanId: above?.spanId ?? '', startNs, span, exported };
  }
  const spanContext = evidence === undefined ? unseen(above) : ownContext(name, parent, above);
  return { name, parent, spanContext, parentSpanId: above?.spanId ?? '', startNs, span: undefined, exported: false };
}

/** `parent` with this span active, out of reach of the application, for what runs inside it. */
export function within(link: LinkSpan, parent: Context): Context {
  const { span, spanContext } = link;
  if (span) return trace.setSpan(parent, new SpanFacade(span, spanContext));
  // Nobody will ever see it: application spans would be orphans under it, and a later SDK would take its flags for a decision.
  if (state().configuration.evidence === undefined) return parent;
  return trace.setSpan(
    parent,
    new SpanStandIn(SpanStandIn.behind(trace.getSpan(parent)) ?? trace.wrapSpanContext(spanContext), spanContext),
  );
}

/** The context that spans made now belong to; `frame` stands in where no context manager is registered. */
export function activeContext(frame: Frame | undefined): Context {
  const active = context.active();
  return active === ROOT_CONTEXT && frame ? frame.context : active;
}

/** {@link activeContext}, with the session's span in it where no span is active. */
export function activeOrSession(frame: Frame | undefined, session: Context): Context {
  const active = activeContext(frame);
  const span = trace.getSpan(active) ? undefined : trace.getSpan(session);
  return span ? trace.setSpan(active, span) : active;
}

function validContext(parent: Context): SpanContext | undefined {
  const above = trace.getSpanContext(parent);
  return above && isSpanContextValid(above) ? above : undefined;
}

function unseen(above: SpanContext | undefined): SpanContext {
  return { traceId: above?.traceId ?? newTraceId(), spanId: newSpanId(), traceFlags: TraceFlags.NONE };
}

/**
 * A context of our own that leaves sampling to the application: flags and state of the parent; for a root those that its sampler
 * would give, asked with a span that is never ended and so reaches no exporter.
 */
function ownContext(name: string, parent: Context, above: SpanContext | undefined): SpanContext {
  const model = above ?? guarded('startSpan', () => tracer().startSpan(name, undefined, parent).spanContext());
  if (model === undefined || !isSpanContextValid(model)) {
    return { traceId: newTraceId(), spanId: newSpanId(), traceFlags: TraceFlags.SAMPLED };
  }
  const own: SpanContext = { traceId: model.traceId, spanId: newSpanId(), traceFlags: model.traceFlags };
  return model.traceState ? { ...own, traceState: model.traceState } : own;
}

function tracer(): Tracer {
  return (state().configuration.tracerProvider ?? trace).getTracer(SCOPE_NAME, SCOPE_VERSION);
}
