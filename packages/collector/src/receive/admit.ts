import { ATTR } from '@agent-custody/chain';
import type { Scanned, ScannedSpan } from '../scan/index.js';
import type { Caller } from './types.js';

type Reason = 'agent' | 'attributes' | 'ids';

export interface Admission {
  readonly scanned: Scanned;
  readonly rejectedSpans: number;
  /** '' when nothing was rejected. */
  readonly message: string;
}

/**
 * Leaves out the spans that the receiver cannot take, so that the rest of a batch is not lost with them:
 *
 * - links of agents that the caller's token is not bound to. A link claim must name one such agent, once: any other could put
 *   findings on the sessions of agents that are not the caller's. Spans that are no links pass, they are evidence of nothing.
 * - spans with more attributes than allowed;
 * - spans that are no links and have no valid ids: Tempo answers 400 to a whole batch for one of them. A link claim without them
 *   is the engine's to record as malformed.
 */
export function admit(scanned: Scanned, caller: Caller, attributesPerSpan: number): Admission {
  const counts: Record<Reason, number> = { agent: 0, attributes: 0, ids: 0 };
  const spans = scanned.spans.filter((span) => {
    const reason = reasonAgainst(span, caller, attributesPerSpan);
    if (reason !== undefined) counts[reason]++;
    return reason === undefined;
  });
  const rejectedSpans = scanned.spans.length - spans.length;
  if (rejectedSpans === 0) return { scanned, rejectedSpans, message: '' };
  const said: Record<Reason, string> = {
    agent: 'whose gen_ai.agent.id this token is not bound to; send each agent with its own token',
    attributes: `with more than ${attributesPerSpan} attributes; lower the SDK's attribute count limit`,
    ids: 'without a trace id of 16 bytes and a span id of 8, neither zero',
  };
  const parts = (Object.keys(counts) as Reason[])
    .filter((reason) => counts[reason] > 0)
    .map((reason) => `${counts[reason]} ${said[reason]}`);
  return { scanned: { spans, groups: scanned.groups }, rejectedSpans, message: `spans rejected: ${parts.join(', ')}` };
}

function reasonAgainst(span: ScannedSpan, caller: Caller, attributesPerSpan: number): Reason | undefined {
  if (span.attributeCount > attributesPerSpan) return 'attributes';
  if (!span.isLinkClaim) return span.validIds ? undefined : 'ids';
  return caller.agents === 'all' || speaksFor(span, caller.agents) ? undefined : 'agent';
}

function speaksFor(span: ScannedSpan, agents: ReadonlySet<string>): boolean {
  const stated = span.view.attributes.filter(([key]) => key === ATTR.agentId);
  const agent = stated[0]?.[1];
  return stated.length === 1 && typeof agent === 'string' && agents.has(agent);
}
