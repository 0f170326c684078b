import { ATTR, type LinkCopy, type SessionReport } from '@agent-custody/chain';
import type { ApprovalRequest } from './model.js';

/** Whether the intent that a request is about is on record, and says the same. */
export type Agreement = 'agrees' | 'differs' | 'not_yet';

/**
 * Whether what is asked is what is on record: the same action, with the same arguments, of the same agent for the same principal.
 * A human sees the request, and the agent acts by its intent: one who asks about something else, or keeps quiet for whom it acts
 * so that the principal may decide, is found out here.
 *
 * @param recorded links at the request's seq: more than one where the chain forks
 * @param report of the session, as far as it is on record
 */
export function agreementOf(
  request: ApprovalRequest,
  recorded: readonly Pick<LinkCopy, 'kind' | 'attributes'>[],
  report: Pick<SessionReport, 'agent' | 'principal'> | undefined,
): Agreement {
  if (recorded.length === 0) return 'not_yet';
  const same = recorded.every(
    ({ kind, attributes }) =>
      kind === 'action.intent' &&
      attributes[ATTR.argumentsDigest] === request.arguments_digest &&
      attributes[ATTR.toolName] === request.tool &&
      attributes[ATTR.actionId] === request.action,
  );
  const { agent = '', principal = '' } = report ?? {};
  return same && ['', request.agent].includes(agent) && ['', request.principal].includes(principal) ? 'agrees' : 'differs';
}
