import type { ActionStatus, ReasonSource, SessionOutcome } from '@agent-custody/chain';
import type { Answer, Refusal } from './guard.js';

export type { ActionStatus, ReasonSource, SessionOutcome } from '@agent-custody/chain';

/** Who acts: the `gen_ai.agent.*` attributes of every link. */
export interface Agent {
  /** Never changes in a session; the register of approved states is kept by it. */
  readonly id: string;
  /** For people; the id by default. */
  readonly name?: string | undefined;
  readonly version?: string | undefined;
}

/** One part of the agent's memory: its hash, or what it holds. */
export type MemoryEntry =
  | { readonly path: string; readonly sha256: string }
  | { readonly path: string; readonly content: string | Uint8Array };

/** What a memory function answers: entries, or the whole memory as one text. */
export type MemoryContent = readonly MemoryEntry[] | string | Uint8Array;

/** Paths of files and folders (relative to `root`), or a function that answers what memory holds now. */
export type MemorySource = readonly string[] | (() => MemoryContent) | (() => Promise<MemoryContent>);

/** One tool as it is offered to the model. */
export interface ToolDefinition {
  readonly name: string;
  readonly description?: string | undefined;
  /** JSON Schema. */
  readonly parameters?: unknown;
}

export interface Reason {
  readonly text: string;
  readonly source: ReasonSource;
}

/** What a session is opened with. Every part is optional: the settings give the rest. */
export interface SessionOptions {
  /** By default CUSTODY_AGENT_ID, _NAME, _VERSION, else the service name. */
  readonly agent?: Agent | undefined;
  /** On whose behalf the agent acts. */
  readonly principal?: string | undefined;
  /** Who answers for the agent. */
  readonly owner?: string | undefined;
  /** What the agent remembers from session to session: hashed at start, at each model call and before the end. */
  readonly memory?: MemorySource | undefined;
  /** A name for the memory that this agent shares with its other sessions; with it a change in between is found. */
  readonly memoryStore?: string | undefined;
  /** What changes honestly in the system prompt from run to run (a date, a name): replaced before it is hashed. */
  readonly mask?: readonly (RegExp | string)[] | undefined;
  readonly conversationId?: string | undefined;
  /** Lock files, for the fingerprint's `dependencies`. */
  readonly dependencies?: readonly string[] | undefined;
  /** The agent's own sources, for the fingerprint's `code`. */
  readonly code?: readonly string[] | undefined;
  /** What paths are relative to; by default the working directory. */
  readonly root?: string | undefined;
}

/** What one model call really sends. */
export interface ModelRequest {
  /** `null` where the framework gives no access to it. */
  readonly systemPrompt: string | readonly string[] | null;
  /** `null` where the framework gives no access to it. */
  readonly tools: readonly ToolDefinition[] | null;
  readonly model?: { readonly provider: string; readonly name: string } | undefined;
  readonly conversationId?: string | undefined;
}

/** One tool call that a model asked for. */
export interface AskedCall {
  readonly callId: string;
  readonly toolName: string;
  /**
   * Whether the agent's framework is going to run it itself, so that an adapter must see it executed: not a tool that runs at the
   * provider or at a client, nor one that the framework does not know. Only such calls are held against what was executed.
   */
  readonly runs?: boolean | undefined;
}

/** A model call in flight; it keeps its session open until {@link done}. */
export interface ModelCall {
  /** Tool calls that the model asked for, with the reason that came with them. */
  asked(calls: readonly AskedCall[], reason: Reason | undefined): void;
  /** Idempotent. */
  done(): void;
}

/** Keeps a session open until it is released, or until it was not touched for the idle limit (`abandoned`). */
export interface Hold {
  /** Says that whoever reads is still there. */
  touch(): void;
  /** Idempotent; an outcome other than `completed` becomes that of the session. */
  release(outcome?: SessionOutcome): void;
}

/** A session that is under way, as adapters and the function of {@link session} see it. */
export interface ActiveSession {
  /** `custody.session.id`: 32 hex. */
  readonly id: string;
  /** Measures the fingerprint from what is really sent; appends session.start or fingerprint.change. */
  modelCall(sent: ModelRequest): ModelCall;
  /** Calls that the framework honestly does not run after all: the run was aborted, its steps ran out, a guardrail stopped it. */
  forgo(callIds: readonly string[]): void;
  /** A stream, or anything else that keeps the session open. */
  hold(): Hold;
  /** Says that the session's function has settled: it ends once nothing holds it any more, with this outcome. */
  settle(outcome: SessionOutcome): void;
}

/** One call of a tool, as an adapter or {@link audited} describes it. */
export interface ActionCall<T> {
  readonly tool: { readonly name: string; readonly type?: string | undefined; readonly callId?: string | undefined };
  /** Captured before the tool runs. */
  readonly arguments: unknown;
  /** By default the one that came with the model's request for this call id. */
  readonly reason?: Reason | undefined;
  /** By default the current session, else the process's. */
  readonly session?: ActiveSession | undefined;
  /** Reads a status from a result, where errors are results (MCP's `isError`). */
  readonly statusOf?: ((result: Awaited<T>) => ActionStatus) | undefined;
  /** Reads a status from an error, where a framework has errors of its own for an abort or a pause; undefined: by the general rule. */
  readonly statusOfError?: ((error: unknown) => ActionStatus | undefined) | undefined;
  /** Tells an abort by the caller from an error of the tool's own. */
  readonly signal?: AbortSignal | undefined;
  /**
   * What the caller takes in place of a result when the action has to wait for an approval: a promise of it, or an async iterator
   * of its values. Absent: the caller is synchronous, and what would have to wait is refused.
   */
  readonly awaited?: 'promise' | 'iterator' | undefined;
  /** What a human said in the framework's own approval flow before the call came here; each becomes a link. A denied call never runs. */
  readonly approvals?: NonNullable<Answer['approvals']> | undefined;
  /** The collector must have durably taken the intent before it runs. */
  readonly acknowledged?: boolean | undefined;
  /** What the framework takes for "refused, and the model is told". By default an `ActionDenied` is thrown. */
  readonly refused?: ((refusal: Refusal) => Awaited<T>) | undefined;
  /**
   * The adapter sees every model call of this framework, so that one with a call id that no model asked for is held against the run.
   * Not for a call that came with the conversation: an approved one, or a thread's that is taken up again.
   */
  readonly requested?: boolean | undefined;
  /** It runs whatever the guard says, and is recorded as it happens: the framework tells of it and asks nobody. */
  readonly unstoppable?: boolean | undefined;
  /**
   * By `governTools`: an adapter may see the same call, around this one or inside it. The one outside stands for both.
   */
  readonly governed?: boolean | undefined;
  /** Names the call: the same key inside an action that has it is the same action, seen by a second patch. */
  readonly dedupe?: string | undefined;
  /** Replaces the configured redaction for this call. */
  readonly redact?: Redact | undefined;
}

/** What is about to be disclosed beside its digest. */
export interface RedactContext {
  readonly tool: string;
  readonly field: 'arguments' | 'result' | 'reason';
}

/**
 * Decides what of a value may be disclosed: the same value to disclose it; anything else (undefined, a masked copy) withholds
 * content and salt, since a masked text would not match its digest.
 */
export type Redact = (value: unknown, context: RedactContext) => unknown;
