import { isDeepStrictEqual } from 'node:util';
import type { ActionStatus } from '@agent-custody/chain';
import {
  type ApprovalRequirement,
  createState,
  decide,
  decideSpawn,
  forgetSession,
  onRecord,
  type Permit,
  type Action as PolicyAction,
  type PolicyState,
  settle,
} from '@agent-custody/policy';
import { state } from '../global.js';
import type { Answer, Guard, ProposedAction, ProposedChild, Ruling } from '../guard.js';
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
function actionOf({ tool, arguments: given, encoding, families, agent, principal, session, reason }: ProposedAction): PolicyAction {
  const { name, type, callId } = tool;
  const [family, ...inherits] = families;
  const who = { agent, principal, session, family, inherits };
  return { tool: name, toolType: type, callId, arguments: given, argumentsEncoding: encoding, ...who, reason };
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
    const decision = decide(policy.compiled, this.policyState, actionOf(action), action.at);
    this.policyState = decision.state;
    if (decision.permit) this.permits.set(action.id, decision.permit);
    const ruling = { ...onRecord(decision), reason: decision.reason };
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

  acknowledged(tool: string): boolean {
    return this.options.acknowledged || (this.options.files.current?.compiled.acknowledged(tool) ?? false);
  }

  spawns(action: ProposedAction, { at }: ProposedChild): Ruling {
    const policy = this.options.files.current;
    if (policy === undefined) return UNREADABLE;
    const decision = decideSpawn(policy.compiled, this.policyState, actionOf(action), this.permits.get(action.id), at);
    this.policyState = decision.state;
    return { ...onRecord(decision), reason: decision.reason };
  }

  settled(action: ProposedAction, status: ActionStatus, at: number): void {
    const permit = this.permits.get(action.id);
    const policy = this.options.files.current;
    if (permit === undefined || policy === undefined) return;
    this.permits.delete(action.id);
    this.policyState = settle(policy.compiled, this.policyState, permit, status, at);
  }

  ended(session: string, families: readonly string[]): void {
    for (const id of [session, ...families]) this.policyState = forgetSession(this.policyState, id);
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
