import { createHash, type Hash } from 'node:crypto';
import {
  canonicalize,
  FINDING_RULES,
  type Finding,
  type FindingCode,
  type Hashing,
  type LinkCopy,
  type Register,
  readSpan,
} from '@agent-custody/chain';
import { spansOfJson } from '@agent-custody/chain/otlp';
import type { Kin } from '../ledger/ledger.js';
import { prunedLink } from '../ledger/pruned.js';
import { type Judgement, nothingOf, withFindings } from '../verify/judge.js';
import { type BundleMember, digestPrefix, type Manifest, memberSchema } from './bundle.js';

/** One bundle of a file, while it is being read. */
interface Open {
  readonly manifest: Manifest;
  readonly hash: Hash;
  lines: number;
}

/** What a bundle asks of the judge. */
export interface BundleJudge {
  takeKin(kin: Kin): void;
  useRegister(register: Register): void;
}

/**
 * Reads what the lines of a file say about the bundles that they are of, and holds it against what was judged. One file may hold
 * several, one after the other.
 */
export class BundleReader {
  private readonly bundles: Open[] = [];
  private readonly problems: string[] = [];

  constructor(
    private readonly judge: BundleJudge,
    private readonly options: { readonly hashing: Hashing /** The user named none of his own. */; readonly usesRegister: boolean },
  ) {}

  /**
   * @param member of {@link bundleMember}
   * @param line as it stands in the file, without its line feed
   */
  take(member: unknown, line: Uint8Array): void {
    const parsed = memberSchema.safeParse(member);
    if (!parsed.success) this.problems.push('a line of the bundle is not as any release writes it');
    else if ('manifest' in parsed.data) this.open(parsed.data.manifest);
    else this.takeLine(parsed.data, line);
  }

  /** Of which there is a bundle. */
  sessions(): readonly string[] {
    return this.bundles.map(({ manifest }) => manifest.report.session);
  }

  /** What was judged, with what is wrong with the bundles and what was found when they were recorded. */
  complete(judgement: Judgement, endHashes: ReadonlyMap<string, string>): Judgement {
    const sessions = new Map(judgement.sessions.map((report) => [report.session, report]));
    for (const { manifest, hash, lines } of this.bundles) {
      const { report } = manifest;
      const known = sessions.get(report.session) ?? nothingOf(report.session, { agent: report.agent });
      const found = [...recorded(manifest), ...missing(manifest, known.links, endHashes.get(report.session) ?? '')];
      if (hash.digest('hex') !== manifest.digest) {
        const stated = lines === manifest.lines ? '' : `: it states ${manifest.lines} lines after its manifest and has ${lines}`;
        found.push(about(manifest, 'malformed', manifest.end.seq, `the bundle was changed after it was written${stated}`));
      }
      sessions.set(report.session, withFindings(known, found));
    }
    const atLarge = this.problems.map((detail) => ({ ...NOWHERE, ...FINDING_RULES.malformed, detail }));
    return { sessions: [...sessions.values()], atLarge: [...judgement.atLarge, ...atLarge] };
  }

  private open(manifest: Manifest): void {
    const { digest: _, ...unsigned } = manifest;
    this.bundles.push({ manifest, hash: createHash('sha256').update(digestPrefix(canonicalize(unsigned))), lines: 0 });
    if (manifest.register !== null && this.options.usesRegister) this.judge.useRegister(manifest.register);
  }

  private takeLine({ kin }: Exclude<BundleMember, { manifest: Manifest }>, line: Uint8Array): void {
    const current = this.bundles.at(-1);
    if (current === undefined) {
      if (this.problems.length === 0) this.problems.push('lines of a bundle whose manifest is missing: its first line was removed');
      return;
    }
    current.lines++;
    current.hash.update(line).update('\n');
    if (kin === undefined) return;
    const { session, seq, pruned } = kin;
    this.judge.takeKin({ session, seq, ended: '', copies: pruned ? [prunedLink(session, seq)] : this.copiesOf(kin.request, session, seq) });
  }

  /** Only what speaks of the place that it is for: a relative can say nothing about anybody else. */
  private copiesOf(request: unknown, session: string, seq: number): readonly LinkCopy[] {
    return spansOfJson(request)
      .map((view) => readSpan(view, this.options.hashing))
      .flatMap((reading) =>
        reading.type === 'link' && reading.link.session === session && reading.link.seq === seq ? [reading.link] : [],
      );
  }
}

const NOWHERE = { session: '', code: 'malformed', seq: 0, healed: false, traceId: '', spanId: '' } as const;

function about({ report }: Manifest, code: FindingCode, seq: number, detail: string): Finding {
  return { session: report.session, code, ...FINDING_RULES[code], seq, detail, healed: false, traceId: '', spanId: '' };
}

/** Findings on record, of codes that this release knows; their severity is the code's. */
function recorded(manifest: Manifest): Finding[] {
  return manifest.report.findings.flatMap(({ code, seq, detail, healed, trace_id: traceId, span_id: spanId }) =>
    isCode(code) ? [{ ...about(manifest, code, seq, detail), healed, traceId, spanId }] : [],
  );
}

function isCode(code: string): code is FindingCode {
  return Object.hasOwn(FINDING_RULES, code);
}

/** A tail that was cut off leaves a whole chain behind: only the manifest knows that there was more. */
function missing(manifest: Manifest, held: number, endHash: string): Finding[] {
  const { report, end } = manifest;
  if (held >= report.links && endHash === end.hash) return [];
  const detail =
    held < report.links
      ? `the bundle states ${report.links} links of this session and holds ${held}: links were removed from it`
      : 'the last link of the bundle is not the one that it states';
  return [about(manifest, 'count_mismatch', end.seq, detail)];
}
