import { readFileSync } from 'node:fs';
import {
  createVerifier,
  type Finding,
  type Limits,
  MemoryRecords,
  parseRegister,
  portableHashing,
  type Register,
  readSpan,
  reportOf,
  type SpanView,
  step,
} from '../src/index.js';
import { spansOfJson } from '../src/otlp/index.js';

export interface SessionVector {
  readonly name: string;
  readonly requests: readonly unknown[];
  readonly register?: unknown;
  readonly limits?: Partial<Limits>;
  readonly expect: Readonly<Record<string, Expectation>>;
}
export interface Expectation {
  readonly integrity: string;
  readonly completeness: string;
  readonly authority: string;
  readonly findings: readonly (readonly [string, number])[];
}

export function load<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8')) as T;
}

export const spansOf = (vector: SessionVector): SpanView[] => vector.requests.flatMap(spansOfJson);

export interface Judged {
  readonly reports: Readonly<Record<string, Expectation>>;
  readonly findings: readonly Finding[];
}

/** Judges spans at rest, in the order given. */
export function judgeAtRest(spans: readonly SpanView[], register?: Register, limits: Partial<Limits> = {}): Judged {
  const state = createVerifier({ records: new MemoryRecords(), limits, ...(register && { register }) });
  const sessions = new Set<string>();
  const findings: Finding[] = [];
  for (const span of spans) {
    const reading = readSpan(span, portableHashing);
    if (reading.type === 'none') continue;
    if (reading.type === 'link') {
      sessions.add(reading.link.session);
      findings.push(...step(state, { type: 'link', link: reading.link, at: 0 }).findings);
    } else {
      if (reading.session) sessions.add(reading.session);
      findings.push(...step(state, { ...reading, at: 0 }).findings);
    }
  }
  findings.push(...step(state, { type: 'tick', at: Number.POSITIVE_INFINITY }).findings);
  return { reports: Object.fromEntries([...sessions].map((id) => [id, expectationOf(state, id)])), findings };
}

function expectationOf(state: Parameters<typeof reportOf>[0], id: string): Expectation {
  const report = reportOf(state, id);
  if (!report) throw new Error(`no report of ${id}`);
  const findings = report.findings.filter((finding) => finding.severity !== 'info' && !finding.healed);
  return {
    integrity: report.integrity,
    completeness: report.completeness,
    authority: report.authority,
    findings: findings.map((finding) => [finding.code, finding.seq] as const).sort(byCodeAndSeq),
  };
}

export const byCodeAndSeq = (a: readonly [string, number], b: readonly [string, number]): number =>
  a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : String(a[1]) < String(b[1]) ? -1 : 1;

export function registerOf(vector: SessionVector): Register | undefined {
  return vector.register === undefined ? undefined : parseRegister(vector.register);
}
