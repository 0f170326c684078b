import { type Context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { isOwnPosition } from '../../baggage.js';
import { state } from '../../global.js';
import { activeContext } from '../../spans.js';
import { META_KEYS, w3c } from '../mcp/propagation.js';

/**
 * The context of a request: the active one, with the trace and the baggage that came in `_meta` (SEP-414). Where a span of the
 * caller's trace is active already, such as one of an HTTP server, it stays the parent. Undefined when nothing came.
 */
export function callerContext(meta: unknown): Context | undefined {
  if (typeof meta !== 'object' || meta === null) return undefined;
  const carrier: Record<string, string> = {};
  for (const key of META_KEYS) {
    const value: unknown = (meta as Record<string, unknown>)[key];
    if (typeof value === 'string') carrier[key] = value;
  }
  if (Object.keys(carrier).length === 0) return undefined;
  const active = activeContext(state().frames.getStore());
  const came = w3c.extract(ROOT_CONTEXT, carrier, getter);
  const remote = trace.getSpanContext(came);
  const nearer = trace.getSpanContext(active);
  const joined = remote && nearer?.traceId !== remote.traceId ? trace.setSpanContext(active, remote) : active;
  const entries = propagation.getBaggage(came)?.getAllEntries() ?? [];
  if (entries.length === 0) return joined;
  const own = propagation.getBaggage(active) ?? propagation.createBaggage();
  return propagation.setBaggage(
    joined,
    entries.reduce((baggage, [key, entry]) => baggage.setEntry(key, entry), own),
  );
}

const getter = { get: (carrier: Record<string, string>, key: string) => carrier[key], keys: (carrier: object) => Object.keys(carrier) };

/** Whether the caller is the very action that the present code runs in: client and server share a process, and a call is one action. */
export function isCallInFlight(from: Context): boolean {
  return state().frames.getStore()?.action !== undefined && isOwnPosition(from);
}
