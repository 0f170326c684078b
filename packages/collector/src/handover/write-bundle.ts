import { createHash } from 'node:crypto';
import {
  ATTR,
  type AttributeValue,
  canonicalize,
  type LinkCopy,
  type Register,
  type SessionReport,
  WIRE_VERSION,
} from '@agent-custody/chain';
import { sessionJson } from '../report-json.js';
import { BUNDLE_MEMBER, BUNDLE_VERSION, digestPrefix, type Manifest } from './bundle.js';

/** A link of another session that the exported one refers to, as its source has it. */
export interface Relative {
  readonly session: string;
  readonly seq: number;
  readonly pruned: boolean;
  readonly copies: readonly LinkCopy[];
}

/** What a bundle is made of. */
export interface Handover {
  readonly report: SessionReport;
  /** Every copy, ascending by seq. */
  readonly links: readonly LinkCopy[];
  readonly relatives: readonly Relative[];
  readonly register: Register | undefined;
  readonly erasures: Manifest['erasures'];
  /** Unix ms. */
  readonly atMs: number;
  /** Of this package. */
  readonly collectorVersion: string;
}

/**
 * The text of a bundle: OTLP/JSON lines, the manifest first.
 *
 * @example writeFileSync('session.jsonl', bundleText(handover))
 */
export function bundleText(handover: Handover): string {
  const lines = [
    ...handover.links.map((link, index) => ({ ...requestOf([link]), [BUNDLE_MEMBER]: { line: index + 1 } })),
    ...handover.relatives.map(({ session, seq, pruned, copies }, index) => ({
      resourceSpans: [],
      [BUNDLE_MEMBER]: { line: handover.links.length + index + 1, kin: { session, seq, pruned, request: requestOf(copies) } },
    })),
  ].map((line) => `${JSON.stringify(line)}\n`);
  const unsigned = manifestOf(handover, lines.length);
  const hash = createHash('sha256').update(digestPrefix(canonicalize(unsigned)));
  for (const line of lines) hash.update(line);
  const manifest: Manifest = { ...unsigned, digest: hash.digest('hex') };
  return [`${JSON.stringify({ resourceSpans: [], [BUNDLE_MEMBER]: { manifest } })}\n`, ...lines].join('');
}

function manifestOf({ report, links, register, erasures, atMs, collectorVersion }: Handover, lines: number): Omit<Manifest, 'digest'> {
  const last = links.at(-1);
  const entries = register?.entries.filter(({ agent }) => agent === report.agent);
  return {
    version: BUNDLE_VERSION,
    readme: readme(report.session),
    exported_at: new Date(atMs).toISOString(),
    versions: { collector: collectorVersion, format: WIRE_VERSION },
    report: { ...sessionJson(report), findings: sessionJson(report).findings.map((finding) => ({ ...finding })) },
    end: { seq: last?.seq ?? 0, hash: last?.hash ?? '' },
    register: entries === undefined ? null : { version: 1, entries: [...entries] },
    erasures,
    lines,
  };
}

function readme(session: string): string[] {
  return [
    `The record of one session of an AI agent, ${session}, handed over by agent-custody.`,
    'This file is text: OTLP/JSON requests, one a line. This line is the manifest; each line after it is a link of the chain, as it was recorded, or a link of another session that this one refers to (kin).',
    'To check it, on any machine with Node 20 or later, without a network and without the collector that wrote it:',
    '  npx @agent-custody/collector verify --file FILE        (FILE: the name of this file)',
    'Every hash and digest is computed anew. The answer is 0 when the session is intact and complete, 1 when its integrity is broken, 2 when it is incomplete, 3 when it left its approved state.',
    'It is judged by the register entries in this manifest; --register FILE judges by your own.',
    'What was found when it was recorded is in report.findings and counts as well. A line that was changed, added or removed is a finding.',
    'Whoever can write this file can write all of it anew: compare its SHA-256 (sha256sum FILE) with the one that you were given by another way.',
    'To read it: head -1 FILE | jq .custodyBundle.manifest; tail -n +2 FILE | jq -c .resourceSpans[].scopeSpans[].spans[]',
  ];
}

/** OTLP/JSON with a span for each link: its ids, what its hash covers, the hash, and what it discloses. */
function requestOf(links: readonly LinkCopy[]): { readonly resourceSpans: readonly unknown[] } {
  if (links.length === 0) return { resourceSpans: [] };
  const spans = links.map(({ traceId, spanId, kind, time, attributes, hash, content }) => ({
    traceId,
    spanId,
    name: kind,
    kind: 1,
    startTimeUnixNano: time,
    endTimeUnixNano: time,
    attributes: Object.entries({ ...attributes, [ATTR.hash]: hash, ...content }).map(([key, value]) => ({ key, value: anyValue(value) })),
  }));
  return { resourceSpans: [{ resource: {}, scopeSpans: [{ scope: { name: '@agent-custody/collector' }, spans }] }] };
}

function anyValue(value: AttributeValue): unknown {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { intValue: String(value) };
  return { arrayValue: { values: value.map((item) => ({ stringValue: item })) } };
}
