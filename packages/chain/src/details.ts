import type { ActionStatus, ApprovalDecision, Encoding, ObservedDecision, PolicyDecision, ReasonSource } from './attributes.js';

// What a writer is told of each link (SPEC.md, "Attributes").

/** Component digests by name; `system_prompt`, `tools` and `memory` are always among those of a session. */
export type Components = Readonly<Record<string, string>>;

/** A position in a chain: what a child names as its parent. */
export interface Position {
  readonly session: string;
  readonly seq: number;
  readonly hash: string;
}

/** Where and when a link is recorded. */
export interface Place {
  /** 32 and 16 hex: the span that carries the link. Both are inside its hash. */
  readonly traceId: string;
  readonly spanId: string;
  /** Unix nanoseconds. */
  readonly now: bigint;
}

export interface Tool {
  readonly name: string;
  readonly type?: string | undefined;
  readonly callId?: string | undefined;
}

export interface StartDetails {
  readonly components: Components;
  readonly principal?: string | undefined;
  readonly owner?: string | undefined;
  readonly memoryStore?: string | undefined;
  /** The same for all sessions of one process: policies count over them. */
  readonly processId?: string | undefined;
  /** The same for sessions that are one to information flow. */
  readonly familyId?: string | undefined;
  readonly parent?: Position | undefined;
}

export interface IntentDetails {
  readonly actionId: string;
  /** The action that this one was begun in. */
  readonly parentActionId?: string | undefined;
  readonly tool: Tool;
  readonly argumentsDigest: string;
  readonly argumentsEncoding: Encoding;
  readonly reasonDigest: string;
  readonly reasonSource: ReasonSource;
  readonly decision: PolicyDecision;
  readonly rule?: string | undefined;
  /** What a policy that only observes would have decided. */
  readonly observed?: ObservedDecision | undefined;
  /** The agent that was to be started, where that was refused: no call of a tool. */
  readonly childAgentId?: string | undefined;
  /** The three of the model call that asked for this action; by default the latest. */
  readonly components?: { readonly system_prompt: string; readonly tools: string; readonly memory: string } | undefined;
  /** Disclosed content and salts by attribute key: not covered by the hash. */
  readonly content?: Readonly<Record<string, string>> | undefined;
}

export interface SpawnDetails {
  /** The action that starts the child. */
  readonly parentActionId?: string | undefined;
  /** What a policy that only observes would have decided, and by which rule. */
  readonly observed?: ObservedDecision | undefined;
  readonly rule?: string | undefined;
}

export interface OutcomeDetails {
  readonly actionId: string;
  readonly tool: Tool;
  readonly status: ActionStatus;
  readonly resultDigest?: string | undefined;
  readonly errorType?: string | undefined;
  readonly content?: Readonly<Record<string, string>> | undefined;
}

export interface ApprovalDetails {
  readonly actionId: string;
  readonly approvalId: string;
  readonly decision: ApprovalDecision;
  readonly approver?: string | undefined;
  readonly argumentsDigest: string;
}

/** Tool calls as models asked for them, held against those that were seen executed (SPEC.md, `attestation`). */
export interface AttestationDetails {
  /** Calls that models asked for and that the agent was to run itself. */
  readonly requested: number;
  /** Executions of calls of a model. */
  readonly executed: number;
  /** Call ids that were asked for and never seen executed, and the other way round. */
  readonly unexecuted: readonly string[];
  readonly unrequested: readonly string[];
}
