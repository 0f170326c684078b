import {
  type ActionStatus,
  type ApprovalDecision,
  ATTR,
  type AttributeValue,
  type Encoding,
  FINGERPRINT_PREFIX,
  type LinkKind,
  OPERATION_EXECUTE_TOOL,
  type PolicyDecision,
  type ReasonSource,
  type SessionOutcome,
  WIRE_VERSION,
  ZERO_HASH,
} from './attributes.js';
import { canonicalize } from './canonical.js';
import { compositeFingerprint, linkHash } from './digest.js';
import { ChainError } from './errors.js';
import type { Hashing } from './hashing.js';
import { coveredText } from './text.js';

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

/** A link as written: everything that its span's attributes must hold, hash included. */
export interface WrittenLink {
  readonly session: string;
  readonly seq: number;
  readonly kind: LinkKind;
  readonly hash: string;
  readonly prev: string;
  /** Unix nanoseconds, decimal. */
  readonly time: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Covered attributes, the hash, and disclosed content with its salts. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export interface WriterOptions {
  /** 32 lower-case hex, 128 random bits. */
  readonly session: string;
  readonly agent: { readonly id: string; readonly name: string; readonly version?: string | undefined };
  readonly conversationId?: string | undefined;
  readonly hashing: Hashing;
}

export interface StartDetails {
  readonly components: Components;
  readonly principal?: string | undefined;
  readonly owner?: string | undefined;
  readonly memoryStore?: string | undefined;
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
  /** The three of the model call that asked for this action; by default the latest. */
  readonly components?: { readonly system_prompt: string; readonly tools: string; readonly memory: string } | undefined;
  /** Disclosed content and salts by attribute key: not covered by the hash. */
  readonly content?: Readonly<Record<string, string>> | undefined;
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

/**
 * Writes the chain of one session. The head moves synchronously in {@link append}, the one place where it does, so that calls
 * made in parallel cannot fork the chain. It holds no clock and no randomness: ids and times are arguments.
 *
 * @example
 * const writer = new ChainWriter({ session, agent: { id: 'billing-bot', name: 'Billing bot' }, hashing: portableHashing });
 * const start = writer.start({ components }, place);
 */
export class ChainWriter {
  readonly session: string;
  private readonly identity: Readonly<Record<string, string>>;
  private readonly hashing: Hashing;
  private head: { seq: number; hash: string; time: bigint } = { seq: 0, hash: ZERO_HASH, time: 1n };
  private latest: Components = {};
  private composite = '';
  private intents = 0;
  private ended = false;

  constructor(options: WriterOptions) {
    if (!/^[0-9a-f]{32}$/.test(options.session)) {
      throw new ChainError('invalid_argument', `session id '${options.session}': expected 32 lower-case hex`);
    }
    this.session = options.session;
    this.hashing = options.hashing;
    this.identity = {
      [ATTR.agentId]: coveredText(options.agent.id),
      [ATTR.agentName]: coveredText(options.agent.name),
      ...(options.agent.version === undefined ? {} : { [ATTR.agentVersion]: coveredText(options.agent.version) }),
      ...(options.conversationId === undefined ? {} : { [ATTR.conversationId]: coveredText(options.conversationId) }),
    };
  }

  /** The last link's position; `seq` 0 before the first. */
  get position(): Position {
    return { session: this.session, seq: this.head.seq, hash: this.head.hash };
  }

  /** The latest component digests: those of session.start, as replaced by each change. */
  get components(): Components {
    return this.latest;
  }

  get closed(): boolean {
    return this.ended;
  }

  start(details: StartDetails, place: Place): WrittenLink {
    if (this.head.seq > 0) throw new ChainError('invalid_argument', `session ${this.session}: it has started; a session starts once`);
    this.latest = details.components;
    this.composite = compositeFingerprint(this.latest, this.hashing);
    return this.append('session.start', place, {
      ...named(details.components),
      ...optional(ATTR.principal, details.principal),
      ...optional(ATTR.owner, details.owner),
      ...optional(ATTR.memoryStore, details.memoryStore),
      ...(details.parent && {
        [ATTR.parentSessionId]: details.parent.session,
        [ATTR.parentSeq]: details.parent.seq,
        [ATTR.parentHash]: details.parent.hash,
      }),
    });
  }

  intent(details: IntentDetails, place: Place): WrittenLink {
    const three = details.components ?? {
      system_prompt: this.latest['system_prompt'] as string,
      tools: this.latest['tools'] as string,
      memory: this.latest['memory'] as string,
    };
    const own =
      three.system_prompt !== this.latest['system_prompt'] ||
      three.tools !== this.latest['tools'] ||
      three.memory !== this.latest['memory'];
    const composite = own ? compositeFingerprint({ ...this.latest, ...three }, this.hashing) : this.composite;
    const link = this.append(
      'action.intent',
      place,
      {
        ...named(three),
        [ATTR.actionId]: details.actionId,
        ...optional(ATTR.actionParentId, details.parentActionId),
        ...toolAttributes(details.tool),
        [ATTR.argumentsDigest]: details.argumentsDigest,
        [ATTR.argumentsEncoding]: details.argumentsEncoding,
        [ATTR.reasonDigest]: details.reasonDigest,
        [ATTR.reasonSource]: details.reasonSource,
        [ATTR.policyDecision]: details.decision,
        ...optional(ATTR.policyRule, details.rule),
      },
      details.content,
      composite,
    );
    this.intents++;
    return link;
  }

  outcome(details: OutcomeDetails, place: Place): WrittenLink {
    return this.append(
      'action.outcome',
      place,
      {
        [ATTR.actionId]: details.actionId,
        ...toolAttributes(details.tool),
        [ATTR.actionStatus]: details.status,
        ...optional(ATTR.resultDigest, details.resultDigest),
        ...optional(ATTR.errorType, details.errorType),
      },
      details.content,
    );
  }

  approval(details: ApprovalDetails, place: Place): WrittenLink {
    return this.append('approval', place, {
      [ATTR.actionId]: details.actionId,
      [ATTR.approvalId]: details.approvalId,
      [ATTR.approvalDecision]: details.decision,
      ...optional(ATTR.approvalApprover, details.approver),
      [ATTR.argumentsDigest]: details.argumentsDigest,
    });
  }

  /**
   * Appends `fingerprint.change` when `measured` differs from the latest components; answers undefined when it does not.
   * Components that `measured` does not name stay as they are.
   */
  change(measured: Components, place: Place): WrittenLink | undefined {
    const changed = Object.keys(measured)
      .filter((name) => measured[name] !== this.latest[name])
      .sort();
    if (changed.length === 0) return undefined;
    const previous = this.composite;
    const parts = Object.fromEntries(changed.map((name) => [name, measured[name] as string]));
    this.latest = { ...this.latest, ...parts };
    this.composite = compositeFingerprint(this.latest, this.hashing);
    return this.append('fingerprint.change', place, {
      ...named(parts),
      [ATTR.fingerprintPrevious]: previous,
      [ATTR.fingerprintChanged]: changed,
    });
  }

  spawn(child: string, place: Place): WrittenLink {
    return this.append('child.spawn', place, { [ATTR.childSessionId]: child });
  }

  /** Declares that links `first` to `last` were lost on the way: 1 ≤ first ≤ last < the next seq. */
  loss(first: number, last: number, reason: string, place: Place): WrittenLink {
    if (!(Number.isSafeInteger(first) && Number.isSafeInteger(last) && 1 <= first && first <= last && last <= this.head.seq)) {
      throw new ChainError('invalid_argument', `loss of ${first} to ${last}: expected 1 ≤ first ≤ last ≤ ${this.head.seq}`);
    }
    return this.append('loss', place, { [ATTR.lossFirst]: first, [ATTR.lossLast]: last, [ATTR.lossReason]: coveredText(reason) });
  }

  heartbeat(place: Place): WrittenLink {
    return this.append('heartbeat', place, {});
  }

  end(outcome: SessionOutcome, place: Place): WrittenLink {
    const link = this.append('session.end', place, {
      [ATTR.sessionLinks]: this.head.seq + 1,
      [ATTR.sessionActions]: this.intents,
      [ATTR.sessionOutcome]: outcome,
    });
    this.ended = true;
    return link;
  }

  private append(
    kind: LinkKind,
    place: Place,
    own: Record<string, AttributeValue>,
    content?: Readonly<Record<string, string>>,
    composite = this.composite,
  ): WrittenLink {
    if (this.ended) throw new ChainError('session_closed', `session ${this.session} has ended: no ${kind} can follow; open a new session`);
    if (kind !== 'session.start' && this.head.seq === 0) {
      throw new ChainError('invalid_argument', `session ${this.session}: ${kind} before session.start`);
    }
    const time = place.now > this.head.time ? place.now : this.head.time;
    const seq = this.head.seq + 1;
    const attributes: Record<string, AttributeValue> = {
      [ATTR.version]: WIRE_VERSION,
      [ATTR.sessionId]: this.session,
      [ATTR.seq]: seq,
      [ATTR.kind]: kind,
      [ATTR.prev]: this.head.hash,
      [ATTR.time]: time.toString(),
      [ATTR.fingerprint]: composite,
      ...this.identity,
      ...own,
    };
    const prev = this.head.hash;
    const preimage = canonicalize({ attributes, span_id: place.spanId, trace_id: place.traceId });
    const hash = linkHash(preimage, this.hashing);
    this.head = { seq, hash, time };
    attributes[ATTR.hash] = hash;
    if (content) Object.assign(attributes, content);
    return {
      session: this.session,
      seq,
      kind,
      hash,
      prev,
      time: time.toString(),
      traceId: place.traceId,
      spanId: place.spanId,
      attributes,
    };
  }
}

function named(components: Components): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name in components) out[FINGERPRINT_PREFIX + name] = components[name] as string;
  return out;
}

function optional(key: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [key]: coveredText(value) };
}

function toolAttributes(tool: Tool): Record<string, string> {
  return {
    [ATTR.operationName]: OPERATION_EXECUTE_TOOL,
    [ATTR.toolName]: coveredText(tool.name),
    ...optional(ATTR.toolType, tool.type),
    ...optional(ATTR.toolCallId, tool.callId),
  };
}
