import { z } from 'zod';
import {
  ACTION_STATUSES,
  APPROVAL_DECISIONS,
  ATTR,
  type AttributeValue,
  CONTENT_KEYS,
  ENCODINGS,
  FINGERPRINT_PREFIX,
  isCovered,
  isSetByCollector,
  OPERATION_EXECUTE_TOOL,
  POLICY_DECISIONS,
  REASON_SOURCES,
  SESSION_OUTCOMES,
  WIRE_VERSION,
} from './attributes.js';
import { canonicalize } from './canonical.js';
import { type CommittedField, commitment, linkHash, SALT } from './digest.js';
import type { Hashing } from './hashing.js';
import { isRelevantKey, type SpanView, type WireValue } from './span.js';
import type { LinkCopy } from './verify/types.js';

// The tables of SPEC.md, "Attributes", as schemas. Loose: unknown `custody.*` keys are chained like the rest and otherwise ignored.
const hex64 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex');
const sessionId = z.string().regex(/^[0-9a-f]{32}$/, 'expected 32 lower-case hex');
const text = z.string();
const int = z.number().int();

const everyLink = {
  [ATTR.version]: int,
  [ATTR.sessionId]: sessionId,
  [ATTR.seq]: int.min(1),
  [ATTR.kind]: text,
  [ATTR.prev]: hex64,
  [ATTR.time]: z.string().regex(/^[1-9][0-9]{0,19}$/, 'expected Unix nanoseconds, decimal'),
  [ATTR.hash]: hex64,
  [ATTR.fingerprint]: hex64,
  [ATTR.agentId]: text,
  [ATTR.agentName]: text,
  [ATTR.agentVersion]: text.optional(),
  [ATTR.conversationId]: text.optional(),
};
const components = { [ATTR.systemPrompt]: hex64, [ATTR.tools]: hex64, [ATTR.memory]: hex64 };
const tool = {
  [ATTR.operationName]: z.literal(OPERATION_EXECUTE_TOOL),
  [ATTR.toolName]: text,
  [ATTR.toolType]: text.optional(),
  [ATTR.toolCallId]: text.optional(),
};

const anyKind = z.looseObject(everyLink);
const byKind = {
  'session.start': z
    .looseObject({
      ...everyLink,
      ...components,
      [ATTR.principal]: text.optional(),
      [ATTR.owner]: text.optional(),
      [ATTR.memoryStore]: text.optional(),
      [ATTR.parentSessionId]: sessionId.optional(),
      [ATTR.parentSeq]: int.optional(),
      [ATTR.parentHash]: hex64.optional(),
      [ATTR.keyId]: text.optional(),
    })
    .refine(
      (link) =>
        new Set([link[ATTR.parentSessionId], link[ATTR.parentSeq], link[ATTR.parentHash]].map((part) => part === undefined)).size === 1,
      {
        path: ['custody.parent'],
        message: 'session.id, seq and hash: all three or none',
      },
    ),
  'action.intent': z.looseObject({
    ...everyLink,
    ...components,
    ...tool,
    [ATTR.actionId]: text,
    [ATTR.actionParentId]: text.optional(),
    [ATTR.argumentsDigest]: hex64,
    [ATTR.argumentsEncoding]: z.enum(ENCODINGS),
    [ATTR.reasonDigest]: hex64,
    [ATTR.reasonSource]: z.enum(REASON_SOURCES),
    [ATTR.policyDecision]: z.enum(POLICY_DECISIONS),
    [ATTR.policyRule]: text.optional(),
  }),
  approval: z.looseObject({
    ...everyLink,
    [ATTR.actionId]: text,
    [ATTR.approvalId]: text,
    [ATTR.approvalDecision]: z.enum(APPROVAL_DECISIONS),
    [ATTR.approvalApprover]: text.optional(),
    [ATTR.argumentsDigest]: hex64,
  }),
  'action.outcome': z.looseObject({
    ...everyLink,
    ...tool,
    [ATTR.actionId]: text,
    [ATTR.actionStatus]: z.enum(ACTION_STATUSES),
    [ATTR.resultDigest]: hex64.optional(),
    [ATTR.errorType]: text.optional(),
  }),
  'fingerprint.change': z.looseObject({ ...everyLink, [ATTR.fingerprintPrevious]: hex64, [ATTR.fingerprintChanged]: z.array(text) }),
  'child.spawn': z.looseObject({ ...everyLink, [ATTR.childSessionId]: sessionId }),
  loss: z
    .looseObject({ ...everyLink, [ATTR.lossFirst]: int.min(1), [ATTR.lossLast]: int, [ATTR.lossReason]: text })
    .refine((link) => link[ATTR.lossFirst] <= link[ATTR.lossLast] && link[ATTR.lossLast] < link[ATTR.seq], {
      path: [ATTR.lossLast],
      message: 'expected first ≤ last < the own seq',
    }),
  'session.end': z.looseObject({
    ...everyLink,
    [ATTR.sessionLinks]: int,
    [ATTR.sessionActions]: int,
    [ATTR.sessionOutcome]: z.enum(SESSION_OUTCOMES),
  }),
  heartbeat: anyKind,
};
const schemas: ReadonlyMap<string, z.ZodType> = new Map(Object.entries(byKind));

const CUSTODY_KEY = /^custody\.[a-z0-9_.]+$/;
const HEX64 = /^[0-9a-f]{64}$/;
const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN_ID = /^(?!0{16})[0-9a-f]{16}$/;

/** Content, the digest that it must match, and the salt to match it with. */
const DISCLOSURES: readonly { readonly field: CommittedField; readonly content: string; readonly digest: string; readonly salt: string }[] =
  [
    { field: 'arguments', content: ATTR.toolArguments, digest: ATTR.argumentsDigest, salt: ATTR.saltArguments },
    { field: 'result', content: ATTR.toolResult, digest: ATTR.resultDigest, salt: ATTR.saltResult },
    { field: 'reason', content: ATTR.reason, digest: ATTR.reasonDigest, salt: ATTR.saltReason },
  ];

/** What a span turned out to be. */
export type Reading =
  /** It claims nothing: it passes untouched. */
  | { readonly type: 'none' }
  /** It claims to be a link and cannot be one. `session` is '' (and `seq` 0) where it does not state both once and well. */
  | {
      readonly type: 'malformed';
      readonly session: string;
      readonly seq: number;
      readonly detail: string;
      readonly traceId: string;
      readonly spanId: string;
    }
  | { readonly type: 'link'; readonly link: LinkCopy };

const NONE: Reading = { type: 'none' };

/**
 * Reads a span: whether it claims to be a link, whether it can be one, whether its hash recomputes, and whether disclosed content
 * matches its digests (SPEC.md, "What is a link", "Hash", "Commitments"). Pure.
 *
 * @example const reading = readSpan(view, portableHashing); if (reading.type === 'link') …
 */
export function readSpan(span: SpanView, hashing: Hashing): Reading {
  if (!span.attributes.some(([key]) => claimsToBeALink(key))) return NONE;
  const values: Record<string, WireValue> = {};
  let problem: string | undefined;
  const repeated = new Set<string>();
  for (const [key, value] of span.attributes) {
    if (!isRelevantKey(key) || isSetByCollector(key)) continue;
    if (Object.hasOwn(values, key)) {
      // Two values under one key: readers would disagree about which one the hash covers.
      repeated.add(key);
      problem ??= `the attribute '${key}' occurs twice`;
    }
    values[key] = value;
  }
  problem ??= idProblem(span) ?? valueProblem(values) ?? schemaProblem(values);
  if (problem !== undefined) return malformed(span, values, repeated, problem);
  return { type: 'link', link: linkCopy(span, values, hashing) };
}

function claimsToBeALink(key: string): boolean {
  return key.startsWith('custody.link.') && key !== ATTR.status;
}

function idProblem(span: SpanView): string | undefined {
  if (!TRACE_ID.test(span.traceId)) return 'the trace id is not 16 bytes, or zero';
  if (!SPAN_ID.test(span.spanId)) return 'the span id is not 8 bytes, or zero';
  return undefined;
}

function valueProblem(values: Readonly<Record<string, WireValue>>): string | undefined {
  for (const key in values) {
    const value = values[key] as WireValue;
    if (key.startsWith('custody.') && !CUSTODY_KEY.test(key)) return 'a custody.* key has characters outside a-z, 0-9, _ and .';
    if (typeof value === 'string') {
      if (!value.isWellFormed()) return `'${key}' holds a lone surrogate`;
      if (isComponentKey(key) && !HEX64.test(value)) return `'${key}': expected 64 lower-case hex`;
      continue;
    }
    if (typeof value === 'object' && !Array.isArray(value)) {
      const { other } = value as Exclude<WireValue, string | number | bigint | readonly string[]>;
      if (other === 'none') return `'${key}' has no value`;
      if (isCovered(key) || key === ATTR.signature || CONTENT_KEYS.has(key)) return `'${key}' is of a type that no link has (${other})`;
      continue;
    }
    if (typeof value === 'bigint') return `'${key}' is beyond 2^53-1`;
    if (isComponentKey(key)) return `'${key}': expected 64 lower-case hex`;
    if (key === ATTR.signature || CONTENT_KEYS.has(key)) return `'${key}' is no string`;
    if (Array.isArray(value) && !value.every((item) => (item as string).isWellFormed())) return `'${key}' holds a lone surrogate`;
  }
  return undefined;
}

function isComponentKey(key: string): boolean {
  return key.startsWith(FINGERPRINT_PREFIX) && key !== ATTR.fingerprintPrevious && key !== ATTR.fingerprintChanged;
}

function schemaProblem(values: Readonly<Record<string, WireValue>>): string | undefined {
  // Of an unknown version only the table of all links is known.
  const schema = (values[ATTR.version] === WIRE_VERSION && schemas.get(values[ATTR.kind] as string)) || anyKind;
  const result = schema.safeParse(values);
  if (result.success) return undefined;
  const issue = result.error.issues[0];
  const key = issue?.path.join('.') ?? '';
  return values[key] === undefined && !key.endsWith('parent') ? `'${key}' is missing` : `'${key}': ${issue?.message}`;
}

function malformed(span: SpanView, values: Readonly<Record<string, WireValue>>, repeated: ReadonlySet<string>, detail: string): Reading {
  const session = values[ATTR.sessionId];
  const seq = values[ATTR.seq];
  const stated =
    typeof session === 'string' &&
    /^[0-9a-f]{32}$/.test(session) &&
    typeof seq === 'number' &&
    seq >= 1 &&
    !repeated.has(ATTR.sessionId) &&
    !repeated.has(ATTR.seq);
  const ids = { traceId: TRACE_ID.test(span.traceId) ? span.traceId : '', spanId: SPAN_ID.test(span.spanId) ? span.spanId : '' };
  return stated ? { type: 'malformed', session, seq, detail, ...ids } : { type: 'malformed', session: '', seq: 0, detail, ...ids };
}

function linkCopy(span: SpanView, values: Readonly<Record<string, WireValue>>, hashing: Hashing): LinkCopy {
  const attributes: Record<string, AttributeValue> = {};
  const content: Record<string, string> = {};
  for (const key in values) {
    const value = values[key] as WireValue;
    if (isCovered(key)) attributes[key] = value as AttributeValue;
    else if (typeof value === 'string' && key !== ATTR.hash) content[key] = value;
  }
  const { traceId, spanId } = span;
  const preimage = canonicalize({ attributes, span_id: spanId, trace_id: traceId });
  const hash = values[ATTR.hash] as string;
  const known = attributes[ATTR.version] === WIRE_VERSION;
  return {
    session: attributes[ATTR.sessionId] as string,
    seq: attributes[ATTR.seq] as number,
    kind: attributes[ATTR.kind] as string,
    version: attributes[ATTR.version] as number,
    prev: attributes[ATTR.prev] as string,
    hash,
    time: attributes[ATTR.time] as string,
    attributes,
    traceId,
    spanId,
    preimage,
    recomputes: known && linkHash(preimage, hashing) === hash,
    disclosure: known ? disclosure(attributes, content, values, hashing) : 'none',
    content,
  };
}

function disclosure(
  attributes: Readonly<Record<string, AttributeValue>>,
  content: Readonly<Record<string, string>>,
  values: Readonly<Record<string, WireValue>>,
  hashing: Hashing,
): LinkCopy['disclosure'] {
  let disclosed = false;
  for (const part of DISCLOSURES) {
    const shown = content[part.content];
    if (shown === undefined) continue;
    disclosed = true;
    const digest = attributes[part.digest];
    const salt = values[part.salt];
    if (typeof digest !== 'string' || typeof salt !== 'string' || !SALT.test(salt)) return 'mismatch';
    // Taken over the text's own bytes, never over what a parser would make of it.
    const committed = part.field === 'reason' ? canonicalize(shown) : shown;
    if (commitment(part.field, committed, salt, hashing) !== digest) return 'mismatch';
  }
  return disclosed ? 'verified' : 'none';
}
