import type { LinkCopy } from '@agent-custody/chain';
import { expect } from 'vitest';
import type { Links } from './links.js';

/** What a chain says of each action with a call id: `[tool, arguments, what humans decided, status]`. */
export function actionsOf(links: Links, callId: string): readonly unknown[][] {
  return links.intents(callId).map((intent) => {
    const own = links.ofAction(intent);
    const approvals = own.filter(({ kind }) => kind === 'approval');
    const outcome = own.find(({ kind }) => kind === 'action.outcome');
    for (const approval of approvals) expectBound(approval, intent, outcome);
    return [
      intent.attributes['gen_ai.tool.name'],
      intent.content['gen_ai.tool.call.arguments'],
      approvals.map(said),
      outcome?.attributes['custody.action.status'],
    ];
  });
}

/** For each time that a call is on record: what humans said, and what became of it. */
export function decisionsOf(links: Links, callId: string): readonly unknown[][] {
  return actionsOf(links, callId).map(([, , said, status]) => [...(said as readonly string[]), status]);
}

function said({ attributes }: LinkCopy): string {
  const { 'custody.approval.decision': decision, 'custody.approval.approver': approver } = attributes;
  return approver === undefined ? String(decision) : `${decision} by ${approver}`;
}

/** To the very arguments, between intent and outcome. */
function expectBound(approval: LinkCopy, intent: LinkCopy, outcome: LinkCopy | undefined): void {
  const digest = 'custody.action.arguments.digest';
  expect(approval.attributes[digest]).toBe(intent.attributes[digest]);
  expect([intent.seq < approval.seq, approval.seq < (outcome?.seq ?? 0)]).toEqual([true, true]);
}

/** The calls that humans decided about, one for each decision on record, so that none is there that no test asks about. */
export function decidedCalls(links: Links): readonly unknown[] {
  const intents = links.kind('action.intent');
  const callOf = ({ attributes }: LinkCopy): unknown =>
    intents.find((intent) => intent.attributes['custody.action.id'] === attributes['custody.action.id'])?.attributes['gen_ai.tool.call.id'];
  return links.kind('approval').map(callOf).sort();
}
