import { ATTR, canonicalize, FINGERPRINT_PREFIX, type Finding, type Hashing, type RegisterEntry } from '@agent-custody/chain';
import { encodeRequest, type SpanRecord } from '@agent-custody/chain/otlp';
import type { SessionRow } from '../ledger/ledger.js';

// The collector's own spans. None of them has a `custody.link.*` attribute: read back from a store, none claims to be a link.

/** `service.name` of everything that the collector says itself. */
export const SERVICE_NAME = 'agent-custody-collector';
/** One object each: the encoder keeps the encoded form of those it has seen. */
const RESOURCE = { 'service.name': SERVICE_NAME };
const SCOPE = { name: '@agent-custody/collector' };

const STATUS_ERROR = 2;

/** Where a span hangs: the trace, and the span that it is about. */
interface Anchor {
  readonly traceId: string;
  readonly spanId: string;
}

/** One OTLP request of the collector's own spans. */
export function encodeOwnSpans(spans: readonly SpanRecord[]): Uint8Array {
  return encodeRequest(spans, RESOURCE, SCOPE);
}

/**
 * `finding {code}`, status error, in the trace of the span that it is about and below it. A healed one is a span of its own,
 * `finding {code} healed` with status unset: what was exported cannot be taken back, so a view counts both.
 *
 * @param session the summary of the finding's session, where there is one: its first trace is used when the finding names none
 * @param atMs Unix ms
 */
export function findingSpan(finding: Finding, session: SessionRow | undefined, atMs: number, hashing: Hashing): SpanRecord {
  const { code, severity, seq, detail, healed } = finding;
  const key = `finding\n${finding.session}\n${code}\n${seq}\n${healed}\n${atMs}`;
  const anchor = anchorOf(finding, session) ?? { traceId: idOf(`trace\n${key}`, 32, hashing), spanId: '' };
  return {
    ...place(anchor, key, atMs, hashing),
    name: healed ? `finding ${code} healed` : `finding ${code}`,
    attributes: {
      [ATTR.findingCode]: code,
      [ATTR.findingSeverity]: severity,
      [ATTR.findingSessionId]: finding.session,
      [ATTR.findingSeq]: seq,
      [ATTR.findingDetail]: detail,
      ...(session !== undefined && { [ATTR.agentId]: session.agent }),
    },
    ...(!healed && { statusCode: STATUS_ERROR, statusMessage: detail }),
  };
}

/** `verdict {agent}` in the session's trace: what the session is judged to be from now on. */
export function verdictSpan(session: SessionRow, atMs: number, hashing: Hashing): SpanRecord {
  const { integrity, completeness, authority, links, openFindings } = session;
  const key = `verdict\n${session.session}\n${integrity}\n${completeness}\n${authority}\n${links}\n${openFindings}\n${atMs}`;
  const anchor = session.traceId === '' ? { traceId: idOf(`trace\n${session.session}`, 32, hashing), spanId: '' } : session;
  return {
    ...place(anchor, key, atMs, hashing),
    name: `verdict ${session.agentName || session.agent}`,
    attributes: {
      [ATTR.verdictIntegrity]: integrity,
      [ATTR.verdictCompleteness]: completeness,
      [ATTR.verdictAuthority]: authority,
      [ATTR.verdictLinks]: links,
      [ATTR.verdictFindings]: openFindings,
      [ATTR.sessionId]: session.session,
      [ATTR.agentId]: session.agent,
      [ATTR.agentName]: session.agentName,
      ...(session.principal !== '' && { [ATTR.principal]: session.principal }),
      ...(session.owner !== '' && { [ATTR.owner]: session.owner }),
      ...(session.fingerprint !== '' && { [ATTR.fingerprint]: session.fingerprint }),
    },
  };
}

/** `register {agent}`: one approval written or withdrawn. Both spans of one entry share a trace. */
export function registerSpan(entry: RegisterEntry, atMs: number, hashing: Hashing): SpanRecord {
  const written = canonicalize({ ...entry, withdrawn: null });
  const components = Object.entries(entry.components).map(([name, digest]) => [FINGERPRINT_PREFIX + name, digest] as const);
  return {
    ...place({ traceId: idOf(`register\n${written}`, 32, hashing), spanId: '' }, registerKey(entry, hashing), atMs, hashing),
    name: `register ${entry.agent}`,
    attributes: {
      [ATTR.agentId]: entry.agent,
      ...Object.fromEntries(components),
      [ATTR.registerBy]: entry.by,
      [ATTR.registerTicket]: entry.ticket,
      [ATTR.registerFrom]: entry.from,
      ...(entry.until !== null && { [ATTR.registerUntil]: entry.until }),
      ...(entry.withdrawn !== null && { [ATTR.registerWithdrawn]: entry.withdrawn }),
    },
  };
}

/** Identifies a register entry in its present state: another one once it is withdrawn. */
export function registerKey(entry: RegisterEntry, hashing: Hashing): string {
  return hashing.sha256(`register\n${canonicalize(entry)}`);
}

function anchorOf(finding: Finding, session: SessionRow | undefined): Anchor | undefined {
  if (isTraceId(finding.traceId)) return { traceId: finding.traceId, spanId: isSpanId(finding.spanId) ? finding.spanId : '' };
  return session !== undefined && session.traceId !== '' ? session : undefined;
}

/** Whether OTLP and every store take it: 32 hex, not all zero. */
export function isTraceId(id: string): boolean {
  return /^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id);
}

export function isSpanId(id: string): boolean {
  return /^[0-9a-f]{16}$/.test(id) && !/^0+$/.test(id);
}

/** Ids come from what is said, not from chance: the same report made again, after a roll-back, is the same span. */
function place(
  anchor: Anchor,
  key: string,
  atMs: number,
  hashing: Hashing,
): Pick<SpanRecord, 'traceId' | 'spanId' | 'parentSpanId' | 'startNs' | 'endNs'> {
  const atNs = BigInt(Math.trunc(atMs)) * 1_000_000n;
  return { traceId: anchor.traceId, spanId: idOf(key, 16, hashing), parentSpanId: anchor.spanId, startNs: atNs, endNs: atNs };
}

function idOf(key: string, length: 16 | 32, hashing: Hashing): string {
  return hashing.sha256(`agent-custody/collector\n${key}`).slice(0, length);
}
