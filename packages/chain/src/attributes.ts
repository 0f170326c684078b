// The names of the wire format (SPEC.md, "Attributes"). Everything that emits, checks or shows a link imports them from here,
// so that dashboards, collector and agents cannot drift apart.

export const WIRE_VERSION = 1;

/** `custody.link.prev` of the first link of a session. */
export const ZERO_HASH = '0'.repeat(64);

export const LINK_KINDS = [
  'session.start',
  'action.intent',
  'approval',
  'action.outcome',
  'fingerprint.change',
  'child.spawn',
  'loss',
  'attestation',
  'session.end',
  'heartbeat',
] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

export const ENCODINGS = ['json', 'lossy'] as const;
export type Encoding = (typeof ENCODINGS)[number];

export const REASON_SOURCES = ['text', 'thinking', 'declared', 'encrypted', 'none'] as const;
export type ReasonSource = (typeof REASON_SOURCES)[number];

export const POLICY_DECISIONS = ['allow', 'deny', 'require_approval'] as const;
export type PolicyDecision = (typeof POLICY_DECISIONS)[number];

/** What a policy that only observes would have decided instead of `allow`. */
export const OBSERVED_DECISIONS = ['deny', 'require_approval'] as const;
export type ObservedDecision = (typeof OBSERVED_DECISIONS)[number];

export const APPROVAL_DECISIONS = ['approved', 'denied', 'expired'] as const;
export type ApprovalDecision = (typeof APPROVAL_DECISIONS)[number];

export const ACTION_STATUSES = ['ok', 'error', 'denied', 'timeout', 'cancelled'] as const;
export type ActionStatus = (typeof ACTION_STATUSES)[number];

export const SESSION_OUTCOMES = ['completed', 'error', 'cancelled', 'abandoned', 'shutdown'] as const;
export type SessionOutcome = (typeof SESSION_OUTCOMES)[number];

/** `custody.link.status`, set by the collector as of forwarding. */
export const LINK_STATUSES = ['linked', 'held', 'broken'] as const;
export type LinkStatus = (typeof LINK_STATUSES)[number];

/** The components that every session has; a part that a framework gives no access to is the digest of JSON `null`. */
export const REQUIRED_COMPONENTS = ['system_prompt', 'tools', 'memory'] as const;
/** The components that version 1 names. Others may occur: every `custody.fingerprint.*` but `previous` and `changed` is one. */
export const COMPONENTS = [...REQUIRED_COMPONENTS, 'model', 'dependencies', 'code', 'policy'] as const;
export type Component = (typeof COMPONENTS)[number];

export const FINGERPRINT_PREFIX = 'custody.fingerprint.';

/** Attribute keys, by the part of the format that they belong to. */
export const ATTR = {
  version: 'custody.version',
  sessionId: 'custody.session.id',
  seq: 'custody.link.seq',
  kind: 'custody.link.kind',
  prev: 'custody.link.prev',
  time: 'custody.link.time',
  hash: 'custody.link.hash',
  signature: 'custody.link.signature',
  status: 'custody.link.status',
  fingerprint: 'custody.fingerprint',
  systemPrompt: 'custody.fingerprint.system_prompt',
  tools: 'custody.fingerprint.tools',
  memory: 'custody.fingerprint.memory',
  model: 'custody.fingerprint.model',
  fingerprintPrevious: 'custody.fingerprint.previous',
  fingerprintChanged: 'custody.fingerprint.changed',
  principal: 'custody.principal',
  owner: 'custody.owner',
  memoryStore: 'custody.memory.store',
  processId: 'custody.process.id',
  familyId: 'custody.family.id',
  parentSessionId: 'custody.parent.session.id',
  parentSeq: 'custody.parent.seq',
  parentHash: 'custody.parent.hash',
  childSessionId: 'custody.child.session.id',
  childAgentId: 'custody.child.agent.id',
  keyId: 'custody.key.id',
  actionId: 'custody.action.id',
  actionParentId: 'custody.action.parent.id',
  argumentsDigest: 'custody.action.arguments.digest',
  argumentsEncoding: 'custody.action.arguments.encoding',
  reasonDigest: 'custody.action.reason.digest',
  reasonSource: 'custody.action.reason.source',
  reason: 'custody.action.reason',
  resultDigest: 'custody.action.result.digest',
  actionStatus: 'custody.action.status',
  policyDecision: 'custody.policy.decision',
  policyRule: 'custody.policy.rule',
  policyObserved: 'custody.policy.observed',
  approvalId: 'custody.approval.id',
  approvalDecision: 'custody.approval.decision',
  approvalApprover: 'custody.approval.approver',
  attestationRequested: 'custody.attestation.requested',
  attestationExecuted: 'custody.attestation.executed',
  attestationUnexecuted: 'custody.attestation.unexecuted',
  attestationUnrequested: 'custody.attestation.unrequested',
  lossFirst: 'custody.loss.first',
  lossLast: 'custody.loss.last',
  lossReason: 'custody.loss.reason',
  sessionLinks: 'custody.session.links',
  sessionActions: 'custody.session.actions',
  sessionOutcome: 'custody.session.outcome',
  saltArguments: 'custody.salt.arguments',
  saltResult: 'custody.salt.result',
  saltReason: 'custody.salt.reason',
  findingCode: 'custody.finding.code',
  findingSeverity: 'custody.finding.severity',
  findingSessionId: 'custody.finding.session.id',
  findingSeq: 'custody.finding.seq',
  findingDetail: 'custody.finding.detail',
  verdictIntegrity: 'custody.verdict.integrity',
  verdictCompleteness: 'custody.verdict.completeness',
  verdictAuthority: 'custody.verdict.authority',
  verdictLinks: 'custody.verdict.links',
  verdictFindings: 'custody.verdict.findings',
  registerBy: 'custody.register.by',
  registerTicket: 'custody.register.ticket',
  registerFrom: 'custody.register.from',
  registerUntil: 'custody.register.until',
  registerWithdrawn: 'custody.register.withdrawn',
  agentId: 'gen_ai.agent.id',
  agentName: 'gen_ai.agent.name',
  agentVersion: 'gen_ai.agent.version',
  conversationId: 'gen_ai.conversation.id',
  operationName: 'gen_ai.operation.name',
  toolName: 'gen_ai.tool.name',
  toolType: 'gen_ai.tool.type',
  toolCallId: 'gen_ai.tool.call.id',
  toolArguments: 'gen_ai.tool.call.arguments',
  toolResult: 'gen_ai.tool.call.result',
  errorType: 'error.type',
} as const;

/** `gen_ai.operation.name` of every intent and outcome. */
export const OPERATION_EXECUTE_TOOL = 'execute_tool';

/** The keys outside `custody.*` that the hash covers; no hop may add, rename or cut them. */
export const COVERED_FOREIGN_KEYS: ReadonlySet<string> = new Set([
  ATTR.agentId,
  ATTR.agentName,
  ATTR.agentVersion,
  ATTR.conversationId,
  ATTR.operationName,
  ATTR.toolName,
  ATTR.toolType,
  ATTR.toolCallId,
  ATTR.errorType,
]);

/** Keys of disclosed content: optional, beside their digest, each with its salt. */
export const CONTENT_KEYS: ReadonlySet<string> = new Set([ATTR.toolArguments, ATTR.toolResult, ATTR.reason]);

/** Whether the link hash covers `key` (SPEC.md, "Hash"). */
export function isCovered(key: string): boolean {
  if (!key.startsWith('custody.')) return COVERED_FOREIGN_KEYS.has(key);
  switch (key) {
    case ATTR.hash:
    case ATTR.signature:
    case ATTR.reason:
      return false;
    default:
      return !key.startsWith('custody.salt.') && !isSetByCollector(key);
  }
}

/** Families of keys on the spans that a collector makes of its own. */
export const COLLECTOR_PREFIXES = ['custody.finding.', 'custody.verdict.', 'custody.register.'] as const;

/** Keys that only a collector writes. Incoming ones are removed before anything looks at a span: an agent could forge its verdict. */
export function isSetByCollector(key: string): boolean {
  return key === ATTR.status || COLLECTOR_PREFIXES.some((prefix) => key.startsWith(prefix));
}

/** A covered value: a string, a safe integer, or strings. */
export type AttributeValue = string | number | readonly string[];
export type Attributes = Readonly<Record<string, AttributeValue>>;
