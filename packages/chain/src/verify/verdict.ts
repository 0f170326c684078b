import { type Against, FINDING_RULES, type Finding, type Verdict } from '../findings.js';

/**
 * The verdict of a session from its findings (SPEC.md, "Verdict of a session").
 *
 * @param facts.ended a session.end is held
 * @param facts.registered the register had entries for the agent when its states were judged
 */
export function verdictOf(findings: readonly Finding[], facts: { readonly ended: boolean; readonly registered: boolean }): Verdict {
  const against = (what: Against): boolean => findings.some((finding) => !finding.healed && FINDING_RULES[finding.code].against === what);
  const unsupported = findings.some((finding) => finding.code === 'unsupported');
  return {
    integrity: against('integrity') ? 'broken' : unsupported ? 'unknown' : 'intact',
    completeness: against('completeness') ? 'incomplete' : facts.ended ? 'complete' : 'open',
    authority: against('authority') ? 'deviated' : facts.registered ? 'approved' : 'unknown',
  };
}
