import { stripVTControlCharacters, styleText } from 'node:util';
import type { Finding, SessionReport } from '@agent-custody/chain';
import { printable } from '../printable.js';
import type { CutContent } from '../tempo/cut.js';
import type { Judgement } from '../verify/judge.js';
import { MEANINGS } from './meanings.js';

/** How text is laid out: colour only where a terminal shows it. */
export interface TextOptions {
  readonly colour: boolean;
  /** Columns; what is longer is wrapped. */
  readonly width: number;
  /** Content that the store cut, by session: shown beside the findings. */
  readonly cut?: ReadonlyMap<string, readonly CutContent[]> | undefined;
}

type Style = Parameters<typeof styleText>[0];
type Painter = (style: Style, text: string) => string;

const INDENT = '  ';
/** Of findings: severity, code, seq. */
const CODE_WIDTH = 'unapproved_fingerprint'.length;

/**
 * A judgement for people: a block for each session, each finding with its place and what it means, and a line that sums up. All
 * that came from a link is shown with control characters escaped.
 */
export function judgementText(judgement: Judgement, options: TextOptions): string {
  const paint: Painter = options.colour ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
  const blocks = judgement.sessions.map((report) => sessionBlock(report, options, paint));
  if (judgement.atLarge.length > 0) {
    blocks.push(
      [
        paint('bold', 'spans that state no session'),
        ...judgement.atLarge.flatMap((finding) => findingLines(finding, options.width, paint)),
      ].join('\n'),
    );
  }
  return `${[...blocks, summary(judgement, paint)].join('\n\n')}\n`;
}

function sessionBlock(report: SessionReport, { width, cut }: TextOptions, paint: Painter): string {
  const verdicts = (['integrity', 'completeness', 'authority'] as const).map(
    (part) => `${part} ${paint(VERDICT_STYLE[report[part]], report[part])}`,
  );
  return [
    paint('bold', report.session),
    ...wrap(`agent ${printable(report.agent) || '(none stated)'}, ${counted(report.links, 'link')}`, width, INDENT),
    `${INDENT}${verdicts.join('   ')}`,
    ...report.findings.flatMap((finding) => findingLines(finding, width, paint)),
    ...cutLines(cut?.get(report.session) ?? [], width),
  ].join('\n');
}

/** More places than these are counted and not named: a store that cuts, cuts every long text. */
const CUT_SHOWN = 5;

function cutLines(parts: readonly CutContent[], width: number): string[] {
  if (parts.length === 0) return [];
  const shown = parts.slice(0, CUT_SHOWN).map(({ seq, key, rest }) => `${key} of seq ${seq} (${rest.length} bytes are left)`);
  const more = parts.length > CUT_SHOWN ? ` and ${parts.length - CUT_SHOWN} more` : '';
  return wrap(`not verified: cut by the store, so nobody can say whether it was changed: ${shown.join(', ')}${more}`, width, INDENT);
}

function findingLines(finding: Finding, width: number, paint: Painter): string[] {
  const style = finding.healed ? 'dim' : SEVERITY_STYLE[finding.severity];
  const place = finding.seq === 0 ? '' : `seq ${finding.seq}`;
  const healed = finding.healed ? ' (healed: no longer counted)' : '';
  const head =
    `${INDENT}${finding.severity.padEnd(8)} ${paint(style, finding.code)}${' '.repeat(CODE_WIDTH - finding.code.length)} ${place}`.trimEnd();
  return [head, ...wrap(`${MEANINGS[finding.code]}${healed}: ${printable(finding.detail)}`, width, INDENT + INDENT)];
}

function summary({ sessions, atLarge }: Judgement, paint: Painter): string {
  if (sessions.length === 0 && atLarge.length === 0) return 'Nothing to verify: no link was found.';
  const kinds = sessions.map(kindOf);
  const said = Object.entries(KIND_STYLE)
    .map(([kind, style]) => ({ kind, style, number: kinds.filter((other) => other === kind).length }))
    .filter(({ number }) => number > 0)
    .map(({ kind, style, number }) => paint(style, `${number} ${kind}`));
  const parts = said.length > 0 ? `: ${said.join(', ')}` : '';
  return `${counted(sessions.length, 'session')}${parts}${atLarge.length > 0 ? `; ${counted(atLarge.length, 'span')} of no session` : ''}`;
}

const KIND_STYLE = {
  broken: 'red',
  incomplete: 'yellow',
  'of unknown integrity': 'yellow',
  'deviated from what is approved': 'yellow',
  open: 'cyan',
  'intact and complete': 'green',
} as const satisfies Record<string, Style>;
type Kind = keyof typeof KIND_STYLE;

/** Each session once, by the gravest that is said of it. */
function kindOf(report: SessionReport): Kind {
  if (report.integrity === 'broken') return 'broken';
  if (report.completeness === 'incomplete') return 'incomplete';
  if (report.integrity === 'unknown') return 'of unknown integrity';
  if (report.authority === 'deviated') return 'deviated from what is approved';
  return report.completeness === 'open' ? 'open' : 'intact and complete';
}

const VERDICT_STYLE = {
  intact: 'green',
  complete: 'green',
  approved: 'green',
  open: 'cyan',
  unknown: 'dim',
  broken: 'red',
  incomplete: 'yellow',
  deviated: 'yellow',
} as const satisfies Record<string, Style>;

const SEVERITY_STYLE = { critical: 'red', high: 'yellow', medium: 'yellow', info: 'cyan' } as const satisfies Record<
  Finding['severity'],
  Style
>;

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** Wraps at spaces; a word longer than a line is cut, so that no agent can push the frame out of shape. */
function wrap(text: string, width: number, indent: string): string[] {
  const room = Math.max(20, width - indent.length);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((part) => chunks(part, room))) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (stripVTControlCharacters(longer).length <= room) line = longer;
    else {
      lines.push(indent + line);
      line = word;
    }
  }
  return [...lines, indent + line];
}

function chunks(word: string, size: number): string[] {
  const points = [...word];
  const out: string[] = [];
  for (let at = 0; at < points.length || at === 0; at += size) out.push(points.slice(at, at + size).join(''));
  return out;
}
