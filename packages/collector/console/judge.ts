import {
  createVerifier,
  FINDING_RULES,
  type Finding,
  MemoryRecords,
  portableHashing,
  readSpan,
  reportOf,
  type SessionReport,
  step,
} from '@agent-custody/chain';
import { spansOfJson } from '@agent-custody/chain/otlp';

/** What a bundle's lines hold beside spans; see the collector's `export`. */
interface Line {
  readonly custodyBundle?: {
    readonly kin?: { readonly session: string; readonly seq: number; readonly pruned: boolean; readonly request: unknown };
  };
}

/** What this browser makes of a session. */
export interface Judgement {
  readonly report: SessionReport | undefined;
  /** Links read, and hashes computed. */
  readonly links: number;
}

/** Findings that rest on what a bundle leaves out: the rest of a parent or child session, and when its links came. */
const ABOUT_OTHERS: ReadonlySet<Finding['code']> = new Set(['missing_child', 'orphan_child', 'parent_mismatch', 'memory_drift']);

/**
 * Judges a session from the text of its bundle, at rest: every hash and every digest computed anew, by the very code that the
 * collector runs.
 */
export function judge(text: string, session: string): Judgement {
  const verifier = createVerifier({ records: new MemoryRecords() });
  let links = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const request = JSON.parse(line) as Line;
    for (const view of [...spansOfJson(request), ...kinOf(request)]) {
      const reading = readSpan(view, portableHashing);
      if (reading.type === 'none') continue;
      links++;
      step(verifier, reading.type === 'link' ? { type: 'link', link: reading.link, at: 0 } : { ...reading, at: 0 });
    }
  }
  step(verifier, { type: 'tick', at: Number.POSITIVE_INFINITY });
  return { report: reportOf(verifier, session), links };
}

function kinOf({ custodyBundle }: Line): ReturnType<typeof spansOfJson> {
  const kin = custodyBundle?.kin;
  return kin === undefined || kin.pruned ? [] : spansOfJson(kin.request);
}

/** What counts against a part of the verdict, as far as a single session can tell. */
export function against(report: SessionReport, part: 'integrity' | 'completeness'): readonly Finding[] {
  return report.findings.filter(({ code, healed }) => !healed && FINDING_RULES[code].against === part && !ABOUT_OTHERS.has(code));
}
