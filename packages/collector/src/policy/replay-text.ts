import type { Verdict } from '@agent-custody/policy';
import { printable } from '../printable.js';
import type { RecordedAction, RecordedSpawn } from './recorded.js';
import type { Doubt, Replayed, ReplayedSession } from './replay.js';

type Step = Replayed<RecordedAction | RecordedSpawn>;

/** For people; each ends in what to do with it. */
const DOUBTS: Readonly<Record<Doubt, string>> = {
  links_missing: 'links of this session are not on record, and what they held is not counted',
  links_disputed: 'two histories are on record of this session, and the links that came last were replayed: see `agent-custody verify`',
  process_unknown: 'it does not say which process wrote it: counted together with all such sessions of its agent, which need not be so',
  other_sessions: 'replayed alone, and the policy counts over several sessions: leave --session out for what it would have decided',
  undecided_before: 'calls before were undecided: where the policy counts, all of them are taken to be allowed, or none, and no mixture',
  spawn_unplaced: 'agents were started in calls that are not on record, and are not counted',
};

/** A session for people: a line for each action, what is on record beside what the policy would have decided, and a sum. */
export function replayText({ session, agent, principal, actions, spawns, underSame, doubts }: ReplayedSession): string {
  const on = principal === undefined ? '' : ` for ${printable(principal)}`;
  const steps: readonly Step[] = [...actions, ...spawns].sort((one, other) => one.recorded.seq - other.recorded.seq);
  return [
    `${session}  agent ${printable(agent) || '(none stated)'}${on}`,
    ...steps.map(stepLine),
    `  ${sumOf(actions)}${spawns.length === 0 ? '' : `; ${spawns.length} agents started or refused`}`,
    `  ${forceOf(underSame, steps.length)}`,
    ...doubts.map((doubt) => `  note: ${DOUBTS[doubt]} [${doubt}]`),
    '',
  ].join('\n');
}

function forceOf(underSame: number, all: number): string {
  if (underSame === 0) return 'decided then without this policy';
  return underSame === all ? 'decided then under this policy' : `${underSame} of ${all} decided then under this policy`;
}

function stepLine({ recorded, replayed }: Step): string {
  const start = `  seq ${recorded.seq}  ${subjectOf(recorded)}  on record: ${onRecord(recorded)}`;
  if (replayed.type === 'undecided') {
    const { laxest, strictest } = replayed;
    const why = undecidedBy(recorded);
    return `${start}  policy: undecided, ${why} (${spoken(laxest)}, or ${spoken(strictest)})`;
  }
  const { verdict } = replayed;
  const mark = verdict.decision === recorded.decision ? '' : `  <- ${printable(verdict.reason)}`;
  return `${start}  policy: ${spoken(verdict)}${mark}`;
}

function subjectOf(recorded: RecordedAction | RecordedSpawn): string {
  if (recorded.type === 'action') return printable(recorded.tool);
  return recorded.refused === undefined ? `start of session ${recorded.child}` : `start of agent ${printable(recorded.refused)}`;
}

function undecidedBy(recorded: RecordedAction | RecordedSpawn): string {
  if (recorded.type === 'spawn') return 'depends on calls whose arguments are not on record';
  return recorded.arguments === undefined
    ? 'arguments not on record: conditions undecided'
    : 'depends on calls whose arguments are not on record';
}

function onRecord({ decision, rule, observed }: RecordedAction | RecordedSpawn): string {
  const would = observed === undefined ? '' : `, observed ${printable(observed)}`;
  return `${decision} (${printable(rule)}${would})`;
}

function spoken({ decision, rule }: Verdict): string {
  return `${decision} (${printable(rule)})`;
}

function sumOf(actions: ReplayedSession['actions']): string {
  const count = (what: (action: Step) => boolean): number => actions.filter(what).length;
  const undecided = count(({ replayed }) => replayed.type === 'undecided');
  const same = count(({ recorded, replayed }) => replayed.type === 'decided' && replayed.verdict.decision === recorded.decision);
  return `${actions.length} actions: ${same} decided as on record, ${actions.length - same - undecided} otherwise, ${undecided} undecided`;
}

/** The same for programs. */
export function replayJson({ session, agent, principal, process, actions, spawns, underSame, doubts }: ReplayedSession): unknown {
  return {
    session,
    agent,
    principal: principal ?? null,
    process: process ?? null,
    under_this_policy: underSame,
    doubts,
    actions: actions.map((action) => ({
      ...placeOf(action),
      tool: action.recorded.tool,
      arguments_on_record: action.recorded.arguments !== undefined,
      recorded: { ...decisionOf(action), status: action.status ?? null },
      ...answerOf(action),
    })),
    spawns: spawns.map((spawn) => ({
      ...placeOf(spawn),
      child: spawn.recorded.child ?? null,
      agent: spawn.recorded.refused ?? null,
      recorded: decisionOf(spawn),
      ...answerOf(spawn),
    })),
  };
}

function placeOf({ recorded: { seq, atMs } }: Step): object {
  return { seq, time: new Date(atMs).toISOString() };
}

function decisionOf({ recorded: { decision, rule, observed } }: Step): object {
  return { decision, rule, observed: observed ?? null };
}

function answerOf({ replayed, same }: Step): object {
  const policy =
    replayed.type === 'decided'
      ? { decision: replayed.verdict.decision, rule: replayed.verdict.rule, reason: replayed.verdict.reason }
      : { decision: 'undecided', at_least: replayed.laxest, at_most: replayed.strictest };
  return { policy, same_as_recorded: same ?? null };
}
