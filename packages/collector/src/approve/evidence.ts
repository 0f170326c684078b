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
import { type CollectorAddress, CollectorApi, storedLinkSchema } from '../verify/collector-api.js';
import { Judge, withFindings } from '../verify/judge.js';
import { readStored, reread } from '../verify/reread.js';

/** One session as the evidence has it, judged anew. */
export interface SessionEvidence {
  readonly report: SessionReport;
  /** Ascending by seq. */
  readonly links: readonly LinkCopy[];
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
  chain: z.array(storedLinkSchema),
});

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
  const answer = await new CollectorApi(address).json(`/api/v1/sessions/${session}`, sessionSchema);
  if (answer === undefined) return undefined;
  const evidence = judged(
    answer.chain.map((link) => readStored(link, hashing)),
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

function judged(readings: readonly Reading[], findings: readonly Finding[], hashing: Hashing): SessionEvidence | undefined {
  const judge = new Judge({ hashing });
  for (const reading of readings) judge.take(reading, 0);
  const report = judge.conclude(0).sessions[0];
  const links = readings.flatMap((reading) => (reading.type === 'link' ? [reading.link] : []));
  return report && { report: withFindings(report, findings), links };
}
