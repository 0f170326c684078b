import type { Verdict } from '@agent-custody/policy';
import { printable } from '../printable.js';
import type { RecordedAction } from './recorded.js';
import type { ReplayedAction, ReplayedSession } from './replay.js';

/** A session for people: a line for each action, what is on record beside what the policy would have decided, and a sum. */
export function replayText({ session, agent, principal, actions }: ReplayedSession): string {
  const on = principal === undefined ? '' : ` for ${printable(principal)}`;
  return [`${session}  agent ${printable(agent) || '(none stated)'}${on}`, ...actions.map(actionLine), `  ${sumOf(actions)}`, ''].join(
    '\n',
  );
}

function actionLine({ recorded, replayed }: ReplayedAction): string {
  const { seq, tool } = recorded;
  const start = `  seq ${seq}  ${printable(tool)}  on record: ${onRecord(recorded)}`;
  if (replayed.type === 'undecided') {
    const { laxest, strictest } = replayed;
    const why = undecidedBy(recorded);
    return `${start}  policy: undecided, ${why} (${spoken(laxest)}, or ${spoken(strictest)})`;
  }
  const { verdict } = replayed;
  const mark = verdict.decision === recorded.decision ? '' : `  <- ${printable(verdict.reason)}`;
  return `${start}  policy: ${spoken(verdict)}${mark}`;
}

function undecidedBy({ arguments: content, encoding }: RecordedAction): string {
  if (content === undefined) return 'arguments not on record: conditions undecided';
  return encoding === 'lossy' ? 'arguments were not JSON: conditions undecided' : 'depends on calls whose arguments are not on record';
}

function onRecord({ decision, rule, observed }: RecordedAction): string {
  const would = observed === undefined ? '' : `, observed ${printable(observed)}`;
  return `${decision} (${printable(rule)}${would})`;
}

function spoken({ decision, rule }: Verdict): string {
  return `${decision} (${printable(rule)})`;
}

function sumOf(actions: readonly ReplayedAction[]): string {
  const count = (what: (action: ReplayedAction) => boolean): number => actions.filter(what).length;
  const undecided = count(({ replayed }) => replayed.type === 'undecided');
  const same = count(({ recorded, replayed }) => replayed.type === 'decided' && replayed.verdict.decision === recorded.decision);
  return `${actions.length} actions: ${same} decided as on record, ${actions.length - same - undecided} otherwise, ${undecided} undecided`;
}

/** The same for programs. */
export function replayJson({ session, agent, principal, actions }: ReplayedSession): unknown {
  return {
    session,
    agent,
    principal: principal ?? null,
    actions: actions.map(({ recorded, status, replayed }) => ({
      seq: recorded.seq,
      time: new Date(recorded.atMs).toISOString(),
      tool: recorded.tool,
      arguments_on_record: recorded.arguments !== undefined,
      recorded: { decision: recorded.decision, rule: recorded.rule, observed: recorded.observed ?? null, status: status ?? null },
      policy:
        replayed.type === 'decided'
          ? { decision: replayed.verdict.decision, rule: replayed.verdict.rule, reason: replayed.verdict.reason }
          : { decision: 'undecided', at_least: replayed.laxest, at_most: replayed.strictest },
    })),
  };
}
