import { ATTR } from '@agent-custody/chain';
import { METRIC } from '@agent-custody/collector';
import type { Section } from '../panels/dashboard.js';
import { toSession } from '../panels/links.js';
import { type About, bars, figure } from '../panels/look.js';
import { HASH, spansTable, WORD } from '../panels/table.js';
import { latest, overTime, PROMETHEUS, series, TEMPO } from '../panels/targets.js';
import { among, beside, countedBy, is, present, where } from '../traceql.js';

const third = (title: string, description: string): About => ({ title, description, unit: 'short', width: 8, height: 8 });
const small = (title: string, description: string, unit: string): About => ({ title, description, unit, width: 4, height: 8 });
const wide = (title: string, description: string): About => ({ title, description, unit: 'string', width: 24, height: 9 });
const INTENT = is('kind', 'action.intent');
const AGENT = among('agentId', 'agent');
const SESSION = { ...HASH, link: toSession('traceIdHidden', ATTR.agentId) };

/** What policies and people decided before actions ran: by tool and rule, and what a policy that only observes would have said. */
export function decisions(): Section {
  return {
    title: 'What was denied, and what people decided',
    panels: [
      figure(small('Approvals waiting', 'Actions that wait for a person now. "Approvals in the console", above, leads to them.', 'short'), {
        bound: 1,
        color: 'yellow',
      })
        .datasource(PROMETHEUS)
        .withTarget(latest(`sum(${METRIC.approvalsPending})`, 'waiting')),
      figure(small('Longest wait', 'How long the oldest of them has waited. Unanswered it expires, as denied.', 's'))
        .datasource(PROMETHEUS)
        .withTarget(latest(`max(${METRIC.approvalsOldestAge})`, 'wait')),
      bars(third('Asked and decided', 'Requests for approval that came, and decisions of people about them.'))
        .datasource(PROMETHEUS)
        .withTarget(series(`sum by (event) (increase(${METRIC.approvals}[$__rate_interval])) > 0`, '{{event}}')),
      bars(
        third(
          'Refused',
          'Requests, decisions and uses that the collector did not take, by reason: forged, replayed, late, by the wrong person, about other arguments.',
        ),
      )
        .datasource(PROMETHEUS)
        .withTarget(series(`sum by (reason) (increase(${METRIC.approvalsRefused}[$__rate_interval])) > 0`, '{{reason}}')),
      bars(third('Denied by policy', 'Tool calls that a policy refused, by tool and rule; of an agent that was not let start, by its id.'))
        .datasource(TEMPO)
        .withTarget(overTime(countedBy(where(INTENT, is('policyDecision', 'deny'), AGENT), 'toolName', 'policyRule'))),
      bars(third('Approved by people', 'Tool calls that a person approved, by tool and by the rule that asked for it.'))
        .datasource(TEMPO)
        .withTarget(
          overTime(
            countedBy(
              beside(where(is('kind', 'approval'), is('approvalDecision', 'approved')), where(INTENT, AGENT)),
              'toolName',
              'policyRule',
            ),
          ),
        ),
      bars(
        third(
          'Would have been stopped',
          'Tool calls that ran, and agents that started, because the policy only observes: what it would have decided, by tool and rule. Empty before a policy is enforced means that nothing would change.',
        ),
      )
        .datasource(TEMPO)
        .withTarget(overTime(countedBy(where(present('policyObserved'), AGENT), 'policyObserved', 'toolName', 'policyRule'))),
      spansTable({
        ...wide(
          'Denied actions',
          'What a policy refused, with the reason that the agent gave. None of these may have run: one that did is a critical finding.',
        ),
        query: where(INTENT, is('policyDecision', 'deny'), AGENT),
        columns: [
          ['agentId', 'Agent', { width: 180 }],
          ['toolName', 'Tool', { width: 180 }],
          ['reason', 'Stated reason', { long: true }],
          ['policyRule', 'Rule', { width: 180 }],
          ['sessionId', 'Session', SESSION],
        ],
        empty: 'Nothing was denied in this time',
      }),
      spansTable({
        ...wide(
          'Approvals',
          'Answers of people to actions that needed one, and whose they were. The approver is as the agent recorded it; the collector’s console has the requests themselves.',
        ),
        query: where(is('kind', 'approval'), AGENT),
        named: 'What',
        columns: [
          ['agentId', 'Agent', { width: 180 }],
          ['approvalDecision', 'Answer', WORD],
          ['approvalApprover', 'Approver', { width: 220 }],
          ['actionId', 'Action', { long: true }],
          ['argumentsDigest', 'For arguments', HASH],
          ['sessionId', 'Session', SESSION],
        ],
        empty: 'Nothing waited for an approval in this time',
      }),
      spansTable({
        ...wide(
          'What a policy that observes would have stopped',
          'Actions that ran, and agents that started, all the same, because the policy or the rule is in observe mode. The rule is the one that objected.',
        ),
        query: where(present('policyObserved'), AGENT),
        named: 'What',
        columns: [
          ['agentId', 'Agent', { width: 180 }],
          ['toolName', 'Tool', { width: 180 }],
          ['policyObserved', 'Would be', { ...WORD, width: 150 }],
          ['reason', 'Stated reason', { long: true }],
          ['policyRule', 'Rule', { width: 180 }],
          ['sessionId', 'Session', SESSION],
        ],
        empty: 'No policy observes, or it had no objection',
      }),
    ],
  };
}
