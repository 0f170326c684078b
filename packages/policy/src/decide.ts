import { type Call, callOf } from './call.js';
import type { CompiledFile, CompiledPolicy } from './compile.js';
import { PolicyError } from './errors.js';
import type { Examination, Restriction } from './restrictions/restriction.js';
import { type Change, cellAt, MAX_CELLS, withCells, withoutCells } from './table.js';
import { UNKNOWN, YES } from './truth.js';
import type { Action, ActionStatus, CellTable, Decision, Permit, PermitEntry, PolicyState, Verdict } from './types.js';
import { laxest, strictest } from './verdict.js';

/** Latest time that a Date can hold, ms. */
const MAX_TIME = 8.64e15;

/** No breaker that counts agents objects. */
const MAY_START: Verdict = { decision: 'allow', rule: 'default', reason: 'No circuit breaker objects to another agent.' };

/** Nothing that is enforced speaks of the call. */
const OBSERVED_ONLY: Verdict = { decision: 'allow', rule: 'observe', reason: 'This policy only observes.' };

interface Examined {
  readonly restriction: Restriction;
  readonly examination: Examination;
}

/**
 * Decides whether a call may be made. A pure function: the same policy, state, action and time give the same answer, and the state
 * that was passed in stays as it is.
 *
 * @param now Unix ms
 * @returns the decision, and the state that takes the place of `state`
 * @throws PolicyError `invalid_argument` for a time that is none. Whoever enforces takes anything that is thrown for a denial.
 * @example const { decision, reason, state: next } = decide(policy, state, { tool: 'send_email', arguments: input, agent, session }, Date.now());
 */
export function decide(policy: CompiledPolicy, state: PolicyState, action: Action, now: number): Decision {
  checkTime(now);
  const call = callOf(action, policy.lenient);
  const cells = withRoom(state.cells, policy.restrictions.size, now);
  const examined = withinBounds(examine(policy, call, cells, now), cells);
  const enforced = combined(policy, call, examined, false) ?? OBSERVED_ONLY;
  const observed = policy.observes ? (combined(policy, call, examined, true) ?? OBSERVED_ONLY) : enforced;
  const changes: Change[] = [];
  const entries: PermitEntry[] = [];
  for (const { restriction, examination } of examined) {
    // What only observes does not count what it would have denied: else it would go on objecting to what never ran.
    const denied = enforced.decision === 'deny' || (restriction.observe && observed.decision === 'deny');
    const change = denied ? examination.refused : examination.admitted;
    if (change !== undefined) changes.push(change);
    if (!denied && examination.entry !== undefined) entries.push(examination.entry);
  }
  return {
    ...enforced,
    state: changes.length === 0 && cells === state.cells ? state : { version: 1, cells: withCells(cells, changes) },
    ...(enforced.decision === 'deny' ? {} : { permit: { entries } }),
    ...(observed.decision === enforced.decision ? {} : { observed }),
    ...(enforced.decision !== 'deny' && policy.acknowledged(action.tool) ? { durability: 'acknowledged' as const } : {}),
  };
}

/**
 * Decides whether a call that is under way may start another agent's session, and counts that. Only breakers on `spawns` without
 * `tools` are asked: each call of a tool that one names was counted by `decide`. Where an approval is the consequence it is a matter of
 * the next call, which can wait for one: whoever enforces refuses what is not allowed, and that is not counted.
 *
 * @param action the call that starts it
 * @param permit that of the call: what a breaker's trial starts is part of the trial
 * @param now Unix ms
 * @throws PolicyError `invalid_argument` for a time that is none
 * @example const { decision, reason, state: next } = decideSpawn(policy, state, action, permit, Date.now());
 */
export function decideSpawn(
  policy: CompiledPolicy,
  state: PolicyState,
  action: Action,
  permit: Permit | undefined,
  now: number,
): Omit<Decision, 'permit' | 'durability'> {
  checkTime(now);
  const call = callOf({ ...action, spawns: true }, policy.lenient, permit);
  const fanOuts = [...policy.restrictions.values()].filter(({ countsSpawns }) => countsSpawns);
  if (fanOuts.length === 0) return { ...MAY_START, state };
  const cells = withRoom(state.cells, fanOuts.length, now);
  const found = fanOuts.flatMap((restriction) => {
    const examination = restriction.examine(call, cells, now);
    return examination === undefined ? [] : [{ restriction, examination }];
  });
  const examined = withinBounds(found, cells);
  const [enforced, observed] = [objections(examined, false), objections(examined, true)];
  const changes: Change[] = [];
  for (const { restriction, examination } of examined) {
    const refused = enforced.decision !== 'allow' || (restriction.observe && observed.decision !== 'allow');
    const change = refused ? examination.refused : examination.admitted;
    if (change !== undefined) changes.push(change);
  }
  return {
    ...enforced,
    state: { version: 1, cells: withCells(cells, changes) },
    ...(observed.decision === enforced.decision ? {} : { observed }),
  };
}

function objections(examined: readonly Examined[], withObserved: boolean): Verdict {
  const asked = examined.filter(({ restriction }) => withObserved || !restriction.observe);
  return asked.reduce<Verdict>((verdict, { examination }) => strictest(verdict, examination.verdict) ?? verdict, MAY_START);
}

/**
 * Tells the state what became of a call that `decide` permitted: breakers learn from errors, and a call that never ran (`denied`)
 * gives back what was counted for it. Rules that are gone since, after a change of the policy, are passed over.
 *
 * @param permit as `decide` gave it; once each
 * @param now Unix ms
 * @throws PolicyError `invalid_argument` for a time that is none
 * @example state = settle(policy, state, permit, 'error', Date.now());
 */
export function settle(policy: CompiledPolicy, state: PolicyState, permit: Permit, status: ActionStatus, now: number): PolicyState {
  checkTime(now);
  const changes: Change[] = [];
  for (const entry of permit.entries) {
    const cell = cellAt(state.cells, entry.key);
    const settled = cell && policy.restrictions.get(entry.rule)?.settle?.(cell, entry, status, now);
    if (settled !== undefined && settled !== cell) changes.push([entry.key, settled]);
  }
  return changes.length === 0 ? state : { version: 1, cells: withCells(state.cells, changes) };
}

function checkTime(now: number): void {
  if (now >= 0 && now <= MAX_TIME) return;
  throw new PolicyError('invalid_argument', `${now} is no time: pass Unix milliseconds, such as Date.now()`);
}

function examine(policy: CompiledPolicy, call: Call, cells: CellTable, now: number): Examined[] {
  const examined: Examined[] = [];
  for (const restriction of policy.restrictions.values()) {
    const examination = restriction.examine(call, cells, now);
    if (examination !== undefined) examined.push({ restriction, examination });
  }
  return examined;
}

/** Cells that say nothing any more make room before any call is refused for want of it. */
function withRoom(cells: CellTable, wanted: number, now: number): CellTable {
  return cells.size + wanted <= MAX_CELLS ? cells : withoutCells(cells, ({ expiresMs }) => expiresMs <= now);
}

/** A count that there is no room for would be a limit that does not hold: the call is refused instead. */
function withinBounds(examined: Examined[], cells: CellTable): Examined[] {
  let room = MAX_CELLS - cells.size;
  if (room >= examined.length) return examined;
  return examined.map((one) => {
    const { admitted, verdict } = one.examination;
    if (admitted === undefined || cellAt(cells, admitted[0]) !== undefined || room-- > 0) return one;
    const { id } = one.restriction;
    const full: Verdict = { decision: 'deny', rule: id, reason: `The policy's state is full, so ${id} cannot count this call.` };
    return { ...one, examination: { verdict: strictest(full, verdict) } };
  });
}

/** The strictest of what all files say; undefined when nothing is said. */
function combined(policy: CompiledPolicy, call: Call, examined: readonly Examined[], withObserved: boolean): Verdict | undefined {
  let verdict: Verdict | undefined;
  for (const file of policy.files) {
    if (withObserved || !file.observe) verdict = strictest(verdict, ruled(file, call, withObserved));
  }
  for (const { restriction, examination } of examined) {
    if (withObserved || !restriction.observe) verdict = strictest(verdict, examination.verdict);
  }
  return verdict;
}

/** What the lists and rules of one file say: blocked_tools, the first rule that matches, allowed_tools, default. */
function ruled(file: CompiledFile, call: Call, withObserved: boolean): Verdict {
  const { tool } = call.action;
  return file.blocked(tool) ?? firstMatch(file, call, withObserved, 0) ?? file.allowed(tool) ?? file.fallback;
}

/**
 * The first rule that matches decides. One of which that cannot be told is read both ways, and the stricter of both results holds:
 * a rule that denies applies, one that allows does not, and one that asks for approval asks unless a later rule denies.
 */
function firstMatch(file: CompiledFile, call: Call, withObserved: boolean, from: number): Verdict | undefined {
  for (let at = from; at < file.rules.length; at++) {
    const rule = file.rules[at];
    if (rule === undefined || (rule.observe && !withObserved)) continue;
    const matches = rule.selector(call);
    if (matches === YES) return rule.verdict;
    if (matches !== UNKNOWN) continue;
    if (rule.verdict.decision === (call.lenient ? 'allow' : 'deny')) return rule.untold;
    if (rule.verdict.decision !== 'require_approval') continue;
    const otherwise = firstMatch(file, call, withObserved, at + 1) ?? file.allowed(call.action.tool) ?? file.fallback;
    return call.lenient ? laxest(rule.untold, otherwise) : strictest(rule.untold, otherwise);
  }
  return undefined;
}
