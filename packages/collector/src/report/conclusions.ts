import { FINDING_RULES, type FindingCode } from '@agent-custody/chain';
import { duration, moment, plural } from './format.js';
import type { AuditReport } from './model.js';

/** What keeps the list of sessions from being shown to be complete, a sentence each; none when nothing does. */
export function reservations({ continuity, sessions, exceptions, removals }: AuditReport): readonly string[] {
  const open = exceptions.filter(({ finding }) => !finding.healed);
  const count = (...codes: readonly FindingCode[]): number => open.filter(({ finding }) => codes.includes(finding.code)).length;
  const incomplete = sessions.filter(({ completeness }) => completeness === 'incomplete').length;
  const silentMs = continuity.outages.reduce((sum, { fromMs, untilMs }) => sum + untilMs - fromMs, 0);
  const [first] = continuity.outages;
  const missing = count('gap', 'missing_start', 'declared_loss');
  const unclosed = count('unclosed');
  const removed = count('count_mismatch');
  const atLarge = exceptions.filter(({ finding }) => finding.session === '').length;
  const reasons: (string | false)[] = [
    first !== undefined &&
      `The collector was not receiving for ${duration(silentMs)} of the period, in ${plural(continuity.outages.length, 'interval')}, the first from ${moment(first.fromMs)}: sessions of that time whose agents never came back to deliver are not here.`,
    incomplete > 0 && `${plural(incomplete, 'session')} of the period ${incomplete === 1 ? 'is' : 'are'} incomplete.`,
    missing > 0 && `Links are missing in ${plural(missing, 'place')}.`,
    unclosed > 0 && `${plural(unclosed, 'session')} fell silent without an end.`,
    removed > 0 && `Counts do not agree in ${plural(removed, 'place')}: links were removed or added.`,
    atLarge > 0 && `${plural(atLarge, 'span')} claimed to be of a session and named none.`,
    !removals.sound && 'The record of removals was changed, or an entry was taken out of it.',
    removals.prunings.some(({ sound }) => !sound) && 'The sessions listed under a pruning are not those that were pruned.',
  ];
  return reasons.filter((reason) => reason !== false);
}

/** Findings that are not healed, by code, gravest first. */
export function exceptionCounts({ exceptions }: AuditReport): readonly { readonly code: FindingCode; readonly count: number }[] {
  const counts = new Map<FindingCode, number>();
  for (const { finding } of exceptions) if (!finding.healed) counts.set(finding.code, (counts.get(finding.code) ?? 0) + 1);
  return [...counts].map(([code, count]) => ({ code, count })).sort((a, b) => rank(a.code) - rank(b.code) || b.count - a.count);
}

const GRAVITY = ['critical', 'high', 'medium', 'info'] as const;

/** @returns 0 for the gravest */
export function rank(code: FindingCode): number {
  return GRAVITY.indexOf(FINDING_RULES[code].severity);
}
