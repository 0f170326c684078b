import { ATTR, type AttributeValue, WIRE_VERSION } from './attributes.js';
import { canonicalize } from './canonical.js';
import { cleanLink, type LinkValues } from './clean.js';
import { type CommittedField, commitment, hashedPreimage, SALT } from './digest.js';
import type { Hashing } from './hashing.js';
import { factsOf } from './keys.js';
import { schemaProblem } from './schema.js';
import type { SpanView, WireValue } from './span.js';
import type { LinkCopy } from './verify/types.js';

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
  const values = cleanLink(span);
  return values === undefined ? readAny(span, hashing) : { type: 'link', link: linkCopy(span, values, hashing) };
}

/** {@link readSpan} of whatever a span may hold: says what is wrong with it. */
export function readAny(span: SpanView, hashing: Hashing): Reading {
  const values: Record<string, WireValue> = {};
  let claims = false;
  let repeated: Set<string> | undefined;
  for (const [key, value] of span.attributes) {
    const facts = factsOf(key);
    if (!facts.read) continue;
    claims ||= facts.claims;
    if (values[key] !== undefined) repeated = (repeated ?? new Set()).add(key);
    values[key] = value;
  }
  if (!claims) return NONE;
  // Two values under one key: readers would disagree about which one the hash covers.
  const [twice] = repeated ?? [];
  const problem = (twice && `the attribute '${twice}' occurs twice`) ?? idProblem(span) ?? valueProblem(values) ?? schemaProblem(values);
  if (problem !== undefined) return malformed(span, values, repeated, problem);
  return { type: 'link', link: linkCopy(span, sorted(values), hashing) };
}

function idProblem(span: SpanView): string | undefined {
  if (!TRACE_ID.test(span.traceId)) return 'the trace id is not 16 bytes, or zero';
  if (!SPAN_ID.test(span.spanId)) return 'the span id is not 8 bytes, or zero';
  return undefined;
}

function valueProblem(values: Readonly<Record<string, WireValue>>): string | undefined {
  for (const key in values) {
    const value = values[key] as WireValue;
    const { misnamed, component, covered, text } = factsOf(key);
    if (misnamed) return 'a custody.* key has characters outside a-z, 0-9, _ and .';
    if (typeof value === 'string') {
      if (!value.isWellFormed()) return `'${key}' holds a lone surrogate`;
      if (component && !HEX64.test(value)) return `'${key}': expected 64 lower-case hex`;
      continue;
    }
    if (typeof value === 'object' && !Array.isArray(value)) {
      const { other } = value as Exclude<WireValue, string | number | bigint | readonly string[]>;
      if (other === 'none') return `'${key}' has no value`;
      if (covered || text) return `'${key}' is of a type that no link has (${other})`;
      continue;
    }
    if (typeof value === 'bigint') return `'${key}' is beyond 2^53-1`;
    if (component) return `'${key}': expected 64 lower-case hex`;
    if (text) return `'${key}' is no string`;
    if (Array.isArray(value) && !value.every((item) => (item as string).isWellFormed())) return `'${key}' holds a lone surrogate`;
  }
  return undefined;
}

function malformed(
  span: SpanView,
  values: Readonly<Record<string, WireValue>>,
  repeated: ReadonlySet<string> | undefined,
  detail: string,
): Reading {
  const session = values[ATTR.sessionId];
  const seq = values[ATTR.seq];
  const stated =
    typeof session === 'string' &&
    /^[0-9a-f]{32}$/.test(session) &&
    typeof seq === 'number' &&
    seq >= 1 &&
    !repeated?.has(ATTR.sessionId) &&
    !repeated?.has(ATTR.seq);
  const ids = { traceId: TRACE_ID.test(span.traceId) ? span.traceId : '', spanId: SPAN_ID.test(span.spanId) ? span.spanId : '' };
  return stated ? { type: 'malformed', session, seq, detail, ...ids } : { type: 'malformed', session: '', seq: 0, detail, ...ids };
}

function sorted(values: Readonly<Record<string, WireValue>>): LinkValues {
  const attributes: Record<string, AttributeValue> = {};
  const content: Record<string, string> = {};
  for (const key in values) {
    const value = values[key] as WireValue;
    if (factsOf(key).covered) attributes[key] = value as AttributeValue;
    else if (typeof value === 'string' && key !== ATTR.hash) content[key] = value;
  }
  return { attributes, content, hash: values[ATTR.hash] as string };
}

function linkCopy(span: SpanView, { attributes, content, hash }: LinkValues, hashing: Hashing): LinkCopy {
  const { traceId, spanId } = span;
  const { hash: computed, preimage } = hashedPreimage(canonicalize({ attributes, span_id: spanId, trace_id: traceId }), hashing);
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
    recomputes: known && computed === hash,
    disclosure: known ? disclosure(attributes, content, hashing) : 'none',
    content,
  };
}

function disclosure(
  attributes: Readonly<Record<string, AttributeValue>>,
  content: Readonly<Record<string, string>>,
  hashing: Hashing,
): LinkCopy['disclosure'] {
  let disclosed = false;
  for (const part of DISCLOSURES) {
    const shown = content[part.content];
    if (shown === undefined) continue;
    disclosed = true;
    const digest = attributes[part.digest];
    const salt = content[part.salt];
    if (typeof digest !== 'string' || salt === undefined || !SALT.test(salt)) return 'mismatch';
    // Taken over the text's own bytes, never over what a parser would make of it.
    const committed = part.field === 'reason' ? canonicalize(shown) : shown;
    if (commitment(part.field, committed, salt, hashing) !== digest) return 'mismatch';
  }
  return disclosed ? 'verified' : 'none';
}
