import {
  ATTR,
  type AttributeValue,
  FINGERPRINT_PREFIX,
  type LinkKind,
  OPERATION_EXECUTE_TOOL,
  type SessionOutcome,
  WIRE_VERSION,
  ZERO_HASH,
} from './attributes.js';
import { canonicalize } from './canonical.js';
import type {
  ApprovalDetails,
  AttestationDetails,
  Components,
  IntentDetails,
  OutcomeDetails,
  Place,
  Position,
  SpawnDetails,
  StartDetails,
  Tool,
} from './details.js';
import { compositeFingerprint, linkHash } from './digest.js';
import { ChainError } from './errors.js';
import type { Hashing } from './hashing.js';
import { coveredText } from './text.js';

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

/** Call ids named in one attestation: more of them say nothing more, and a link has to stay small. */
const ATTESTED_IDS = 100;

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
  /** What every link of the session states alike. */
  private readonly identity: Readonly<Record<string, AttributeValue>>;
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
    const identity: Record<string, AttributeValue> = { [ATTR.version]: WIRE_VERSION, [ATTR.sessionId]: options.session };
    put(identity, ATTR.agentId, options.agent.id);
    put(identity, ATTR.agentName, options.agent.name);
    put(identity, ATTR.agentVersion, options.agent.version);
    put(identity, ATTR.conversationId, options.conversationId);
    this.identity = identity;
  }

  /** The last link's position; `seq` 0 before the first. */
  get position(): Position {
    return { session: this.session, seq: this.head.seq, hash: this.head.hash };
  }

  /** Of the last link, Unix nanoseconds: no link's is before it. */
  get time(): bigint {
    return this.head.time;
  }

  /** The latest component digests: those of session.start, as replaced by each change. */
  get components(): Components {
    return this.latest;
  }

  get closed(): boolean {
    return this.ended;
  }

  start(details: StartDetails, place: Place): WrittenLink {
    if (this.head.seq > 0) throw new ChainError('invalid_argument', `session ${this.session} has started: a session starts once`);
    this.latest = details.components;
    this.composite = compositeFingerprint(this.latest, this.hashing);
    const own = named(details.components);
    put(own, ATTR.principal, details.principal);
    put(own, ATTR.owner, details.owner);
    put(own, ATTR.memoryStore, details.memoryStore);
    put(own, ATTR.processId, details.processId);
    put(own, ATTR.familyId, details.familyId);
    if (details.parent) {
      own[ATTR.parentSessionId] = details.parent.session;
      own[ATTR.parentSeq] = details.parent.seq;
      own[ATTR.parentHash] = details.parent.hash;
    }
    return this.append('session.start', place, own);
  }

  intent(details: IntentDetails, place: Place): WrittenLink {
    const { latest } = this;
    const three = details.components ?? (latest as Required<IntentDetails>['components'] & Components);
    const asLatest =
      three.system_prompt === latest['system_prompt'] && three.tools === latest['tools'] && three.memory === latest['memory'];
    const composite = asLatest ? this.composite : compositeFingerprint({ ...latest, ...three }, this.hashing);
    const own = {
      'custody.action.arguments.digest': details.argumentsDigest,
      'custody.action.arguments.encoding': details.argumentsEncoding,
      'custody.action.id': details.actionId,
      'custody.action.reason.digest': details.reasonDigest,
      'custody.action.reason.source': details.reasonSource,
      'custody.fingerprint': composite,
      'custody.fingerprint.memory': three.memory,
      'custody.fingerprint.system_prompt': three.system_prompt,
      'custody.fingerprint.tools': three.tools,
      'custody.link.kind': 'action.intent',
      'custody.link.prev': '',
      'custody.link.seq': 0,
      'custody.link.time': '',
      'custody.policy.decision': details.decision,
      'custody.session.id': '',
      'custody.version': WIRE_VERSION,
      'gen_ai.agent.id': '',
      'gen_ai.agent.name': '',
      'gen_ai.operation.name': OPERATION_EXECUTE_TOOL,
      'gen_ai.tool.name': '',
    } satisfies Layout as Record<string, AttributeValue>;
    put(own, ATTR.actionParentId, details.parentActionId);
    put(own, ATTR.policyRule, details.rule);
    put(own, ATTR.policyObserved, details.observed);
    put(own, ATTR.childAgentId, details.childAgentId);
    putTool(own, details.tool);
    const link = this.append('action.intent', place, own, details.content, composite);
    this.intents++;
    return link;
  }

  outcome(details: OutcomeDetails, place: Place): WrittenLink {
    const own = {
      'custody.action.id': details.actionId,
      'custody.action.status': details.status,
      'custody.fingerprint': '',
      'custody.link.kind': 'action.outcome',
      'custody.link.prev': '',
      'custody.link.seq': 0,
      'custody.link.time': '',
      'custody.session.id': '',
      'custody.version': WIRE_VERSION,
      'gen_ai.agent.id': '',
      'gen_ai.agent.name': '',
      'gen_ai.operation.name': OPERATION_EXECUTE_TOOL,
      'gen_ai.tool.name': '',
    } satisfies Layout as Record<string, AttributeValue>;
    put(own, ATTR.resultDigest, details.resultDigest);
    put(own, ATTR.errorType, details.errorType);
    putTool(own, details.tool);
    return this.append('action.outcome', place, own, details.content);
  }

  approval(details: ApprovalDetails, place: Place): WrittenLink {
    const own: Record<string, AttributeValue> = {
      [ATTR.actionId]: details.actionId,
      [ATTR.approvalId]: details.approvalId,
      [ATTR.approvalDecision]: details.decision,
      [ATTR.argumentsDigest]: details.argumentsDigest,
    };
    put(own, ATTR.approvalApprover, details.approver);
    return this.append('approval', place, own);
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

  spawn(child: string, place: Place, details: SpawnDetails = {}): WrittenLink {
    const own: Record<string, AttributeValue> = { [ATTR.childSessionId]: child };
    put(own, ATTR.actionParentId, details.parentActionId);
    put(own, ATTR.policyRule, details.rule);
    put(own, ATTR.policyObserved, details.observed);
    return this.append('child.spawn', place, own);
  }

  /** Declares that links `first` to `last` were lost on the way: 1 ≤ first ≤ last < the next seq. */
  loss(first: number, last: number, reason: string, place: Place): WrittenLink {
    if (!(Number.isSafeInteger(first) && Number.isSafeInteger(last) && 1 <= first && first <= last && last <= this.head.seq)) {
      throw new ChainError('invalid_argument', `loss of ${first} to ${last}: expected 1 ≤ first ≤ last ≤ ${this.head.seq}`);
    }
    return this.append('loss', place, { [ATTR.lossFirst]: first, [ATTR.lossLast]: last, [ATTR.lossReason]: coveredText(reason) });
  }

  attestation(details: AttestationDetails, place: Place): WrittenLink {
    const own: Record<string, AttributeValue> = {
      [ATTR.attestationRequested]: details.requested,
      [ATTR.attestationExecuted]: details.executed,
    };
    putIds(own, ATTR.attestationUnexecuted, details.unexecuted);
    putIds(own, ATTR.attestationUnrequested, details.unrequested);
    return this.append('attestation', place, own);
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
    const prev = this.head.hash;
    own[ATTR.fingerprint] = composite;
    own[ATTR.kind] = kind;
    own[ATTR.prev] = prev;
    own[ATTR.seq] = seq;
    own[ATTR.time] = time.toString();
    const attributes: Record<string, AttributeValue> = Object.assign(own, this.identity);
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
      time: attributes[ATTR.time] as string,
      traceId: place.traceId,
      spanId: place.spanId,
      attributes,
    };
  }
}

/**
 * An intent and an outcome are laid out whole, with room for what every link has: V8 turns an object that gets some twenty computed
 * keys one by one into a hash table, and making, hashing and encoding a link all have to walk it. The compiler checks the keys.
 */
type Layout = Partial<Record<(typeof ATTR)[keyof typeof ATTR], AttributeValue>>;

function named(components: Components): Record<string, AttributeValue> {
  const out: Record<string, AttributeValue> = {};
  for (const name in components) out[FINGERPRINT_PREFIX + name] = components[name] as string;
  return out;
}

function put(own: Record<string, AttributeValue>, key: string, value: string | undefined): void {
  if (value !== undefined) own[key] = coveredText(value);
}

/** None at all rather than an empty list: stores differ in whether they keep one. */
function putIds(own: Record<string, AttributeValue>, key: string, ids: readonly string[]): void {
  if (ids.length > 0) own[key] = ids.slice(0, ATTESTED_IDS).map(coveredText);
}

function putTool(own: Record<string, AttributeValue>, tool: Tool): void {
  own[ATTR.operationName] = OPERATION_EXECUTE_TOOL;
  own[ATTR.toolName] = coveredText(tool.name);
  put(own, ATTR.toolType, tool.type);
  put(own, ATTR.toolCallId, tool.callId);
}
