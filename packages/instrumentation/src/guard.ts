import type { ActionStatus, ApprovalDecision, Encoding, ObservedDecision, PolicyDecision, WrittenLink } from '@agent-custody/chain';
import { acknowledgement } from './enforce/acknowledge.js';
import { state } from './global.js';

/** An action that is about to run, as a guard sees it. */
export interface ProposedAction {
  readonly id: string;
  readonly session: string;
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

/** Decides about each action before it runs. An error of a guard refuses the action: enforcement fails closed. */
export interface Guard {
  decide(action: ProposedAction): Ruling;
  /** The digest of the policy in force, `custody.fingerprint.policy`. Asked before each {@link decide}, which goes by it. */
  fingerprint?(): string;
  /** A session has ended: what was counted for it alone can be let go. */
  ended?(session: string): void;
  /** How an action ended that `decide` was asked about: `denied` when it never ran. */
  settled?(action: ProposedAction, status: ActionStatus): void;
  /** An action is about to start another agent; an answer refuses that, and is what the action hears. */
  spawns?(action: ProposedAction): Refusal | undefined;
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

const DECISIONS: ReadonlySet<PolicyDecision> = new Set(['allow', 'deny', 'require_approval']);

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
    const ruling = guard === undefined ? UNGUARDED : guard.decide(proposed);
    // A guard without types may answer anything, a promise too; what is no decision is no permission.
    if (!DECISIONS.has(ruling.decision)) throw new TypeError('no decision');
    if (ruling.decision === 'require_approval' && !ruling.wait)
      return { ...ruling, reason: 'it needs an approval, and nobody is set up to give one' };
    return acknowledged && ruling.decision !== 'deny' ? { ...ruling, wait: onceAcknowledged(ruling.wait) } : ruling;
  } catch {
    return { decision: 'deny', rule: 'error', reason: 'the policy could not be evaluated' };
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
  return { tool, rule: name, message: `The call of ${tool} was refused by policy (${name})${reason ? `: ${reason}` : ''}.` };
}
