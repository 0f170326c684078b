import { renderToString } from 'preact-render-to-string';
import { Approvals, ChangeControl } from './authority.js';
import { day } from './format.js';
import type { AuditReport } from './model.js';
import { Controls, RemovalsSection } from './removals.js';
import { Agents, AllSessions, Completeness, Exceptions, Method, Unowned } from './sections.js';
import { STYLE } from './style.js';
import { Summary } from './summary.js';

/** Nothing may be fetched or run, whatever an agent managed to write: the style above is all that the page needs. */
const CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/**
 * The report as one HTML file: printable, without scripts, and without anything that is fetched.
 *
 * @example writeFileSync('report.html', reportPage(gatherReport(ledger, options)))
 */
export function reportPage(report: AuditReport): string {
  const page = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <meta http-equiv="Content-Security-Policy" content={CONTENT_POLICY} />
        <meta name="referrer" content="no-referrer" />
        <title>{`AI agent sessions ${day(report.sinceMs)} to ${day(report.untilMs)}`}</title>
        <style dangerouslySetInnerHTML={{ __html: STYLE }} />
      </head>
      <body>
        <Summary report={report} />
        <Method report={report} />
        <Completeness report={report} />
        <Exceptions report={report} />
        <Agents report={report} />
        <ChangeControl report={report} />
        <Approvals report={report} />
        <Unowned report={report} />
        <RemovalsSection report={report} />
        <Controls report={report} />
        <AllSessions report={report} />
      </body>
    </html>
  );
  return `<!doctype html>\n${renderToString(page)}\n`;
}
