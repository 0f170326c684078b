import { defaultTextMapSetter, propagation } from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { guarded } from '../../errors.js';
import { state } from '../../global.js';
import { activeContext } from '../../spans.js';
import type { CallParams } from './call.js';

/** What SEP-414 asks for, whatever propagator the application has. */
export const w3c = new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] });

/** The entries of `_meta` that SEP-414 names. */
export const META_KEYS = ['traceparent', 'tracestate', 'baggage'] as const;

/**
 * Trace context and baggage go into `_meta` under their own names (SEP-414), so that a server's spans join the trace and a session
 * there can name this action as its parent. The arguments, and with them their digest, are not touched; what the application put
 * into `_meta` itself stands.
 */
export function withTraceContext(params: CallParams): CallParams {
  const carrier = guarded('propagating the trace context', () => {
    const headers: Record<string, string> = {};
    const active = activeContext(state().frames.getStore());
    propagation.inject(active, headers, defaultTextMapSetter);
    if (headers['traceparent'] === undefined) w3c.inject(active, headers, defaultTextMapSetter);
    return Object.fromEntries(META_KEYS.flatMap((name) => (headers[name] ? [[name, headers[name]]] : [])));
  });
  if (carrier === undefined || Object.keys(carrier).length === 0) return params;
  return { ...params, _meta: { ...carrier, ...params._meta } };
}
