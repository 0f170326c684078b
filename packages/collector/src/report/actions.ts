import { ATTR, type LinkCopy } from '@agent-custody/chain';
import type { AuditedApproval, DeniedAction } from './model.js';
import { linkTimeMs } from './time.js';

/** What one session did, as far as somebody had a say in it. */
export interface SessionActions {
  /** Intents. */
  readonly actions: number;
  readonly approvals: readonly AuditedApproval[];
  readonly denied: readonly DeniedAction[];
}

/** @param links of one session, ascending by seq */
export function actionsOf(agent: string, links: readonly LinkCopy[]): SessionActions {
  const intents = new Map<string, LinkCopy>();
  const statuses = new Map<string, string>();
  const approvals: AuditedApproval[] = [];
  const denials: { readonly intent: LinkCopy; readonly by: string }[] = [];
  for (const link of links) {
    const action = text(link, ATTR.actionId);
    if (link.kind === 'action.intent') {
      intents.set(action, link);
      if (text(link, ATTR.policyDecision) === 'deny') denials.push({ intent: link, by: 'policy' });
    } else if (link.kind === 'action.outcome') {
      statuses.set(action, text(link, ATTR.actionStatus));
    } else if (link.kind === 'approval') {
      const intent = intents.get(action);
      const approval = approvalOf(agent, link, intent);
      approvals.push(approval);
      if (approval.decision === 'denied' && intent !== undefined) denials.push({ intent, by: approval.approver || 'a human' });
    }
  }
  const denied = denials.map(
    ({ intent, by }): DeniedAction => ({
      ...placeOf(agent, intent),
      tool: refusedOf(intent),
      by,
      rule: text(intent, ATTR.policyRule),
      status: statuses.get(text(intent, ATTR.actionId)) ?? '',
    }),
  );
  return { actions: intents.size, approvals, denied };
}

/** What was not let: a tool, or the start of another agent. */
function refusedOf(intent: LinkCopy): string {
  const agent = text(intent, ATTR.childAgentId);
  return agent === '' ? text(intent, ATTR.toolName) : `start of agent ${agent}`;
}

function approvalOf(agent: string, link: LinkCopy, intent: LinkCopy | undefined): AuditedApproval {
  return {
    ...placeOf(agent, link),
    tool: intent === undefined ? '' : text(intent, ATTR.toolName),
    decision: text(link, ATTR.approvalDecision),
    approver: text(link, ATTR.approvalApprover),
  };
}

function placeOf(agent: string, link: LinkCopy) {
  const { session, seq, traceId, spanId } = link;
  return { atMs: linkTimeMs(link), agent, session, seq, traceId, spanId };
}

function text(link: LinkCopy, key: string): string {
  const value = link.attributes[key];
  return typeof value === 'string' ? value : '';
}
