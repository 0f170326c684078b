import type { ApprovalDecision, Encoding, ObservedDecision, PolicyDecision, WrittenLink } from '@agent-custody/chain';
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
  /** How an action ended that `decide` was asked about: `denied` when it never ran. */
  settled?(action: ProposedAction, status: string): void;
}

/** Why an action was refused; an adapter turns it into what its framework tells the model. */
export interface Refusal {
  readonly tool: string;
  readonly rule: string;
  /** For the model: what was refused and why, without an argument. */
  readonly message: string;
}

/** Thrown in place of a result where a framework has no other way to tell the model. */
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

/** Asks the guard in force. Never throws: what a guard cannot decide is denied. */
export function rule(action: () => ProposedAction): Ruling {
  const { guard } = state().configuration;
  if (guard === undefined) return UNGUARDED;
  try {
    const ruling = guard.decide(action());
    if (ruling.decision !== 'require_approval' || ruling.wait) return ruling;
    return { ...ruling, reason: 'it needs an approval, and nobody is set up to give one' };
  } catch {
    return { decision: 'deny', rule: 'error', reason: 'the policy could not be evaluated' };
  }
}

/** What the model is told. */
export function refusalOf(tool: string, { rule: name, reason }: Pick<Ruling, 'rule' | 'reason'>): Refusal {
  return { tool, rule: name, message: `The call of ${tool} was refused by policy (${name})${reason ? `: ${reason}` : ''}.` };
}
