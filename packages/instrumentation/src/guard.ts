import type { ActionStatus, ApprovalDecision, Encoding, ObservedDecision, PolicyDecision, WrittenLink } from '@agent-custody/chain';
import { acknowledgement } from './enforce/acknowledge.js';
import { state } from './global.js';

/** An action that is about to run, as a guard sees it. */
export interface ProposedAction {
  readonly id: string;
  /** When it is decided about, Unix ms: what its intent will say, so that the decision can be made again from the record. */
  readonly at: number;
  readonly session: string;
  /** The same for the sessions of an agent and of those that work for it in this process; then those that they were started in. */
  readonly families: readonly [own: string, ...outer: string[]];
  readonly agent: string;
  readonly principal: string | undefined;
  readonly tool: { readonly name: string; readonly type?: string | undefined; readonly callId?: string | undefined };
  /** A copy, as JSON: what a guard does to it is of no matter to the tool. */
  readonly arguments: unknown;
  /** `lossy` when the arguments were not JSON. */
  readonly encoding: Encoding;
  readonly argumentsDigest: string;
  readonly reason: string | undefined;
  /** Whoever wrapped the tool asks that the collector has its intent before it runs. */
  readonly acknowledged: boolean;
  /** Whether whoever called can wait. */
  readonly canWait: boolean;
}

/** What a human, or the collector, said about an action that had to wait. */
export interface Answer {
  readonly go: boolean;
  /** A sentence for the model and the auditor; never an argument. */
  readonly reason?: string | undefined;
  /** Each becomes an `approval` link; an expired one too. */
  readonly approvals?: readonly { readonly decision: ApprovalDecision; readonly approver?: string | undefined }[] | undefined;
}

/** What a guard decides about one action. */
export interface Ruling {
  readonly decision: PolicyDecision;
  /** Names the rule: `custody.policy.rule`. */
  readonly rule: string;
  /** What a policy that only observes would have decided. */
  readonly observed?: ObservedDecision | undefined;
  /** A sentence for the model and the auditor; never an argument. */
  readonly reason?: string | undefined;
  /**
   * What must come before the tool runs: a human's approval, the collector's receipt of the intent. Asked once, after the intent was
   * recorded. A rejected promise refuses. Without it, `require_approval` refuses.
   */
  readonly wait?: ((intent: WrittenLink, signal: AbortSignal | undefined) => Promise<Answer>) | undefined;
}

/** An agent that an action is about to start. */
export interface ProposedChild {
  /** `gen_ai.agent.id`. */
  readonly agent: string;
  /** As of an action. */
  readonly at: number;
}

/** Decides about each action before it runs. An error of a guard refuses the action: enforcement fails closed. */
export interface Guard {
  decide(action: ProposedAction): Ruling;
  /** The digest of the policy in force, `custody.fingerprint.policy`. Asked before each {@link decide}, which goes by it. */
  fingerprint?(): string;
  /** Whether a tool may run only once the collector has its intent: a synchronous function cannot wait for that, and is not wrapped. */
  acknowledged?(tool: string): boolean;
  /** A session has ended: what was counted for it alone can be let go, and for families of which it was the last. */
  ended?(session: string, families: readonly string[]): void;
  /** How an action ended that `decide` was asked about: `denied` when it never ran. @param at as its outcome says, Unix ms */
  settled?(action: ProposedAction, status: ActionStatus, at: number): void;
  /** Decides whether an action may start another agent. Only `allow` lets it: nobody waits for an approval there. */
  spawns?(action: ProposedAction, child: ProposedChild): Ruling;
}

/** Why an action was refused; an adapter turns it into what its framework tells the model. */
export interface Refusal {
  readonly tool: string;
  readonly rule: string;
  /** For the model: what was refused and why, without an argument. */
  readonly message: string;
}

/**
 * Thrown in place of a result, by functions wrapped with `audited` and where a framework has no other way to tell the model. Its
 * `code` is `action_denied`; the message never holds an argument.
 *
 * @example try { await sendEmail(mail); } catch (error) { if (!(error instanceof ActionDenied)) throw error; }
 */
export class ActionDenied extends Error {
  override readonly name = 'ActionDenied';
  readonly code = 'action_denied';
  readonly tool: string;
  readonly rule: string;

  constructor({ tool, rule, message }: Refusal) {
    super(message);
    this.tool = tool;
    this.rule = rule;
  }
}

/** The ruling when nobody decides. */
const UNGUARDED: Ruling = { decision: 'allow', rule: 'none' };

const ERROR: Ruling = { decision: 'deny', rule: 'error', reason: 'the policy could not be evaluated' };

const DECISIONS: ReadonlySet<PolicyDecision> = new Set(['allow', 'deny', 'require_approval']);
const OBSERVED: ReadonlySet<ObservedDecision | undefined> = new Set([undefined, 'deny', 'require_approval']);

/** A guard without types may answer anything, a promise too: what is no decision is no permission, and no evidence. */
function checked(ruling: Ruling): Ruling {
  if (DECISIONS.has(ruling.decision) && OBSERVED.has(ruling.observed) && typeof ruling.rule === 'string') return ruling;
  throw new TypeError('no decision');
}

/**
 * Asks the guard in force. Never throws: what a guard cannot decide is denied.
 *
 * @param acknowledged whoever wrapped the tool wants its intent taken first, whatever the guard thinks of that
 */
export function rule(acknowledged: boolean, action: () => ProposedAction): Ruling {
  const { guard } = state().configuration;
  if (guard === undefined && !acknowledged) return UNGUARDED;
  try {
    const proposed = action();
    const ruling = guard === undefined ? UNGUARDED : checked(guard.decide(proposed));
    if (ruling.decision === 'require_approval' && !ruling.wait)
      return { ...ruling, reason: 'it needs an approval, and nobody is set up to give one' };
    return acknowledged && ruling.decision !== 'deny' ? { ...ruling, wait: onceAcknowledged(ruling.wait) } : ruling;
  } catch {
    return ERROR;
  }
}

/** Asks the guard in force whether an action may start another agent. Never throws: what cannot be decided is denied. */
export function ruleChild(action: ProposedAction, child: ProposedChild): Ruling {
  const { guard } = state().configuration;
  if (!guard?.spawns) return UNGUARDED;
  try {
    return checked(guard.spawns(action, child));
  } catch {
    return ERROR;
  }
}

function onceAcknowledged(wait: Ruling['wait']): NonNullable<Ruling['wait']> {
  const acknowledged = acknowledgement();
  return async (intent, signal) => {
    const taken = await acknowledged();
    return taken.go && wait ? wait(intent, signal) : taken;
  };
}

/** What the model is told. */
export function refusalOf(tool: string, { rule: name, reason }: Pick<Ruling, 'rule' | 'reason'>): Refusal {
  // A reason may be a sentence of the policy's author.
  const why = reason ? `: ${reason.replace(/\.$/, '')}` : '';
  return { tool, rule: name, message: `The call of ${tool} was refused by policy (${name})${why}.` };
}
