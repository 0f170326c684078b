import { isDeepStrictEqual } from 'node:util';
import type { ActionStatus } from '@agent-custody/chain';
import {
  type ApprovalRequirement,
  createState,
  decide,
  decideSpawn,
  forgetSession,
  type Permit,
  type Action as PolicyAction,
  type PolicyState,
  settle,
} from '@agent-custody/policy';
import { state } from '../global.js';
import { type Answer, type Guard, type ProposedAction, type Refusal, type Ruling, refusalOf } from '../guard.js';
import { acknowledgement } from './acknowledge.js';
import { askForApproval } from './approvals.js';
import type { PolicyFiles, PolicyInForce } from './policy-files.js';

export interface PolicyGuardOptions {
  readonly files: PolicyFiles;
  /** Where approvals are asked for; absent: what needs one is refused. */
  readonly approvals: { readonly url: string; readonly headers: Readonly<Record<string, string>> } | undefined;
  /** Every action waits until the collector has its intent, whatever the policy says. */
  readonly acknowledged: boolean;
}

/** As a policy sees it. */
function actionOf({ tool, session, agent, principal, reason, encoding, arguments: given }: ProposedAction): PolicyAction {
  const { name, type, callId } = tool;
  return { tool: name, toolType: type, callId, arguments: given, argumentsEncoding: encoding, agent, principal, session, reason };
}

const UNREADABLE: Ruling = { decision: 'deny', rule: 'policy', reason: 'no policy could be read' };

/** Decides by the policy in force, and learns from how actions end. One for the process: limits count over all its sessions. */
export class PolicyGuard implements Guard {
  private policyState: PolicyState = createState();
  /** Of actions under way, by action id. */
  private readonly permits = new Map<string, Permit>();

  constructor(private readonly options: PolicyGuardOptions) {}

  fingerprint(): string {
    this.options.files.look();
    return this.options.files.digest;
  }

  decide(action: ProposedAction): Ruling {
    const policy = this.options.files.current;
    if (policy === undefined) return UNREADABLE;
    const decision = decide(policy.compiled, this.policyState, actionOf(action), Date.now());
    this.policyState = decision.state;
    if (decision.permit) this.permits.set(action.id, decision.permit);
    const observed = decision.observed?.decision;
    const ruling = {
      decision: decision.decision,
      // Where nothing enforced objects, the rule worth naming is the one that would have.
      rule: (decision.decision === 'allow' ? decision.observed?.rule : undefined) ?? decision.rule,
      reason: decision.reason,
      ...(observed !== undefined && observed !== 'allow' && { observed }),
    };
    if (decision.decision === 'deny') return ruling;
    const acknowledged = this.options.acknowledged || decision.durability === 'acknowledged' ? acknowledgement() : undefined;
    const { approval } = decision;
    if (acknowledged === undefined && approval === undefined) return ruling;
    if (approval !== undefined && this.options.approvals === undefined) return ruling;
    return {
      ...ruling,
      wait: async (intent, signal) => {
        const taken = await acknowledged?.();
        if (taken?.go === false || approval === undefined) return taken ?? { go: true };
        const answer = await this.ask(action, intent, { rule: ruling.rule, reason: ruling.reason, requirement: approval }, signal);
        return answer.go ? this.still(policy, action, approval, answer) : answer;
      },
    };
  }

  spawns(action: ProposedAction): Refusal | undefined {
    const policy = this.options.files.current;
    if (policy === undefined) return undefined;
    const decision = decideSpawn(policy.compiled, this.policyState, actionOf(action), Date.now());
    this.policyState = decision.state;
    return decision.decision === 'allow' ? undefined : refusalOf(action.tool.name, decision);
  }

  settled(action: ProposedAction, status: ActionStatus): void {
    const permit = this.permits.get(action.id);
    const policy = this.options.files.current;
    if (permit === undefined || policy === undefined) return;
    this.permits.delete(action.id);
    this.policyState = settle(policy.compiled, this.policyState, permit, status, Date.now());
  }

  ended(session: string): void {
    this.policyState = forgetSession(this.policyState, session);
  }

  /**
   * An approval holds under the policy it was asked for. Where that has changed while the action waited, the one in force now must
   * not ask for more; what is counted was counted when the action was first decided.
   */
  private still(asked: PolicyInForce, action: ProposedAction, approval: ApprovalRequirement, answer: Answer): Answer {
    this.options.files.look();
    const policy = this.options.files.current;
    if (policy === undefined || policy === asked) return answer;
    const { approvals } = answer;
    const now = decide(policy.compiled, createState(), actionOf(action), Date.now());
    if (now.decision === 'deny') return { go: false, reason: `the policy changed while it waited, and ${now.rule} denies it`, approvals };
    if (now.approval === undefined || isDeepStrictEqual(now.approval, approval)) return answer;
    return { go: false, reason: `the policy changed while it waited, and ${now.rule} asks for another approval`, approvals };
  }

  private ask(
    action: ProposedAction,
    intent: Parameters<NonNullable<Ruling['wait']>>[0],
    question: { readonly rule: string; readonly reason: string; readonly requirement: ApprovalRequirement },
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    // A human sees the intent on record beside the request, if it gets there in time.
    const { evidence, settings } = state().configuration;
    void evidence?.flush(settings.acknowledgeMs);
    return askForApproval(this.options.approvals as NonNullable<PolicyGuardOptions['approvals']>, action, intent, question, signal);
  }
}
