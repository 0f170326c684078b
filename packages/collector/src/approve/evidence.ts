import {
  FINDING_RULES,
  type Finding,
  type FindingCode,
  type Hashing,
  type LinkCopy,
  type Reading,
  type SessionReport,
} from '@agent-custody/chain';
import { z } from 'zod';
import type { Ledger } from '../ledger/ledger.js';
import { Judge, withFindings } from '../verify/judge.js';
import { readStored, reread } from '../verify/reread.js';

/** One session as the evidence has it, judged anew. */
export interface SessionEvidence {
  readonly report: SessionReport;
  /** Ascending by seq. */
  readonly links: readonly LinkCopy[];
}

/** The collector's answer is of no use: it could not be asked, or did not answer as its API does. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
  readonly code: 'unreachable' | 'refused' | 'unreadable';

  constructor(code: EvidenceError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A session from a ledger; undefined when it holds nothing of it. @throws LedgerError */
export function evidenceFromLedger(ledger: Ledger, session: string, hashing: Hashing): SessionEvidence | undefined {
  const findings = ledger.findings(session);
  return judged(
    [...ledger.links(session, 1)].map((link) => reread(link, hashing)),
    findings,
    hashing,
  );
}

const linkSchema = z.looseObject({
  hash: z.string(),
  trace_id: z.string(),
  span_id: z.string(),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string())])),
  content: z.record(z.string(), z.string()),
});
const findingSchema = z
  .looseObject({
    code: z.string(),
    seq: z.number(),
    detail: z.string(),
    healed: z.boolean(),
    trace_id: z.string(),
    span_id: z.string(),
  })
  .transform(({ code, seq, detail, healed, trace_id: traceId, span_id: spanId }) => ({ code, seq, detail, healed, traceId, spanId }));
const sessionSchema = z.looseObject({
  integrity: z.enum(['intact', 'broken', 'unknown']),
  authority: z.enum(['approved', 'deviated', 'unknown']),
  findings: z.array(findingSchema),
  chain: z.array(linkSchema),
});

/** Where a collector is asked, and with which reader's token. */
export interface CollectorAddress {
  readonly url: string;
  readonly token?: string | undefined;
}

/**
 * A session from a collector's API; undefined when it knows nothing of it. Its links are recomputed here: an approval rests on
 * what they say, not on what is said of them.
 *
 * @throws EvidenceError
 */
export async function evidenceFromCollector(
  address: CollectorAddress,
  session: string,
  hashing: Hashing,
): Promise<SessionEvidence | undefined> {
  const url = new URL(`${address.url.replace(/\/+$/, '')}/api/v1/sessions/${session}`);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      headers: address.token === undefined ? {} : { authorization: `Bearer ${address.token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(30_000),
    });
    text = await response.text();
  } catch (error) {
    const cause = (error as Error).cause;
    throw new EvidenceError(
      'unreachable',
      `${url.origin}: the collector cannot be reached: ${cause instanceof Error ? cause.message : (error as Error).message}`,
      { cause: error },
    );
  }
  if (response.status === 404) return undefined;
  if (response.status === 401)
    throw new EvidenceError('refused', `${url.origin}: the collector wants its reader's token: set CUSTODY_TOKEN`);
  if (!response.ok) throw new EvidenceError('refused', `${url.origin}: the collector answered ${response.status}`);
  const answer = parse(text, url);
  const stored = answer.chain.map(({ trace_id, span_id, ...link }) => ({ ...link, traceId: trace_id, spanId: span_id }));
  const evidence = judged(
    stored.map((link) => readStored(link, hashing)),
    answer.findings.flatMap(({ code, ...finding }) => (isCode(code) ? [{ session, code, ...FINDING_RULES[code], ...finding }] : [])),
    hashing,
  );
  if (evidence === undefined) return undefined;
  // What the collector found, such as in copies that it does not show, counts as well as what is found here.
  const { report } = evidence;
  const authority = report.authority === 'unknown' ? answer.authority : report.authority;
  return { ...evidence, report: { ...report, authority, ...(answer.integrity !== 'intact' && { integrity: answer.integrity }) } };
}

function isCode(code: string): code is FindingCode {
  return Object.hasOwn(FINDING_RULES, code);
}

function parse(text: string, url: URL): z.infer<typeof sessionSchema> {
  try {
    return sessionSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new EvidenceError('unreadable', `${url.origin}: the answer is not that of a collector's API; check the URL`, { cause: error });
  }
}

function judged(readings: readonly Reading[], findings: readonly Finding[], hashing: Hashing): SessionEvidence | undefined {
  const judge = new Judge({ hashing });
  for (const reading of readings) judge.take(reading, 0);
  const report = judge.conclude(0).sessions[0];
  const links = readings.flatMap((reading) => (reading.type === 'link' ? [reading.link] : []));
  return report && { report: withFindings(report, findings), links };
}
