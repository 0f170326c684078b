import { fingerprintDigest } from '@agent-custody/chain';
import { nodeHashing } from '../../../src/hashing.js';
import type { linksIn } from './links.js';
import { observed } from './reach.js';
import type { Sink } from './sink.js';

/** Calls of one program that show what is reachable, each by its call id. */
export interface Shown {
  readonly sink: Sink;
  readonly links: ReturnType<typeof linksIn>;
  readonly plain: string;
  readonly recorded: string;
  /** Call id and its arguments as JSON. */
  readonly call: readonly [string, string];
  readonly parallel: string;
  readonly streamed: string;
  readonly reasoned: string;
  readonly failed: string;
  readonly stopped: string;
  /** A call in which a span of the application's was made. */
  readonly nested: string;
}

/** The facts that every model-driven program shows in the same way. */
export function factsOf(shown: Shown) {
  const { links, sink } = shown;
  const start = links.sessionOf(shown.call[0]).find(({ kind }) => kind === 'session.start')?.attributes;
  const known = (component: string): boolean => {
    const digest = start?.[`custody.fingerprint.${component}`];
    return digest !== undefined && digest !== fingerprintDigest(component, null, nodeHashing);
  };
  const span = sink.spans().find(({ name }) => name === 'inside the tool');
  return {
    arguments: observed(links.call(shown.call[0])[1] === shown.call[1], 'not verbatim'),
    callId: observed(links.intent(shown.call[0]) !== undefined, 'not told'),
    toolType: observed(links.intent(shown.call[0])?.attributes['gen_ai.tool.type'] === 'function', 'not told'),
    reason: observed(links.reason(shown.reasoned)[1] !== undefined, 'not told'),
    systemPrompt: observed(known('system_prompt'), 'not told'),
    tools: observed(known('tools'), 'not told'),
    model: observed(known('model'), 'not told'),
    streaming: observed(links.call(shown.streamed)[2] === 'ok', 'not recorded'),
    parallel: observed(links.call(shown.parallel)[2] !== undefined, 'one after the other'),
    errors: observed(links.call(shown.failed)[2] === 'error', 'not told'),
    cancellation: observed(links.call(shown.stopped)[2] === 'cancelled', 'an error like any other'),
    nesting: observed(span !== undefined && span.parentSpanId === links.outcome(shown.nested)?.spanId, 'spans of the tool are roots'),
    esm: observed(shown.recorded === shown.plain, 'not the same'),
  } as const;
}
