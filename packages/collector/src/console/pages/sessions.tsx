import type { SessionReport } from '@agent-custody/chain';
import { printable } from '../../printable.js';
import type { ChainRow } from '../chain-view.js';
import type { Viewer } from '../sign-in.js';
import { Chain, FindingList } from './chain.js';
import { Badge, Moment, renderPage } from './layout.js';

type Tone = Parameters<typeof Badge>[0]['tone'];
const TONES: Readonly<Record<string, Tone>> = {
  intact: 'good',
  complete: 'good',
  approved: 'good',
  broken: 'bad',
  incomplete: 'warn',
  deviated: 'bad',
  open: 'plain',
  unknown: 'plain',
};

function Verdict({ report }: { readonly report: SessionReport }) {
  const { integrity, completeness, authority } = report;
  return (
    <span class="verdict">
      {[integrity, completeness, authority].map((word, index) => (
        <Badge key={index} word={index === 2 ? `authority ${word}` : word} tone={TONES[word] ?? 'plain'} />
      ))}
    </span>
  );
}

/** A session, and when its last link came, Unix ms by the collector's clock. */
export interface SeenSession {
  readonly report: SessionReport;
  readonly lastSeenMs: number;
}

/** Sessions and their verdicts, newest first. */
export function sessionsPage(viewer: Viewer, sessions: readonly SeenSession[], next: string | undefined): string {
  return renderPage({
    title: 'Sessions',
    viewer,
    section: 'sessions',
    children: (
      <div data-live="sessions">
        {sessions.length === 0 ? (
          <p class="empty">No session is on record yet.</p>
        ) : (
          <div class="scroll">
            <table>
              <caption class="hidden">Sessions, newest first</caption>
              <thead>
                <tr>
                  <th scope="col">Session</th>
                  <th scope="col">Agent</th>
                  <th scope="col">On behalf of</th>
                  <th scope="col">Verdict</th>
                  <th scope="col">Last link</th>
                  <th scope="col" class="number">
                    Links
                  </th>
                  <th scope="col" class="number">
                    Findings
                  </th>
                </tr>
              </thead>
              <tbody>
                {sessions.map(({ report, lastSeenMs }) => (
                  <tr key={report.session}>
                    <th scope="row">
                      <a href={`/console/sessions/${report.session}`}>
                        <code>{report.session.slice(0, 8)}</code>
                      </a>
                    </th>
                    <td data-label="Agent">{printable(report.agentName || report.agent) || '–'}</td>
                    <td data-label="On behalf of">{printable(report.principal) || '–'}</td>
                    <td data-label="Verdict">
                      <Verdict report={report} />
                    </td>
                    <td data-label="Last link">
                      <Moment ms={lastSeenMs} />
                    </td>
                    <td class="number" data-label="Links">
                      {report.links}
                    </td>
                    <td class="number" data-label="Findings">
                      {report.findings.filter(({ healed }) => !healed).length}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {next !== undefined && (
          <p>
            <a href={`/console/sessions?cursor=${encodeURIComponent(next)}`}>Earlier</a>
          </p>
        )}
      </div>
    ),
  });
}

/** Which links of a session a page shows. */
interface ChainPart {
  /** The first seq that was asked for, and the last that is shown. */
  readonly from: number;
  readonly last: number;
  /** Of the session. */
  readonly highest: number;
  readonly step: number;
}

/** Findings beside the chain; the API has all of them. */
const MOST_FINDINGS = 100;

/** One session: verdict, findings, the chain, and the button that checks it here. */
export function sessionPage(viewer: Viewer, { report, lastSeenMs }: SeenSession, rows: readonly ChainRow[], part: ChainPart): string {
  const shown = new Set(rows.flatMap(({ findings }) => findings));
  const elsewhere = report.findings.filter((finding) => !shown.has(finding));
  return renderPage({
    title: `Session ${report.session.slice(0, 8)}`,
    viewer,
    section: 'sessions',
    children: (
      <>
        <dl class="facts">
          <div>
            <dt>Verdict of the collector</dt>
            <dd>
              <Verdict report={report} />
            </dd>
          </div>
          <div>
            <dt>Agent</dt>
            <dd>{printable(report.agentName || report.agent) || 'not known'}</dd>
          </div>
          <div>
            <dt>On behalf of</dt>
            <dd>{printable(report.principal) || 'nobody is named'}</dd>
          </div>
          <div>
            <dt>Owner</dt>
            <dd>{printable(report.owner) || 'nobody is named'}</dd>
          </div>
          <div>
            <dt>Last link</dt>
            <dd>
              <Moment ms={lastSeenMs} />
            </dd>
          </div>
          <div>
            <dt>Session</dt>
            <dd>
              <code class="hash">{report.session}</code>
            </dd>
          </div>
        </dl>
        <section
          class="verify"
          aria-labelledby="check"
          data-verify={`/console/sessions/${report.session}/bundle`}
          data-session={report.session}
          data-integrity={report.integrity}
          data-completeness={report.completeness}
        >
          <h2 id="check">Check it here</h2>
          <p>
            This page can fetch the links as they were recorded and compute every hash anew in this browser, without the collector's word.
          </p>
          <button type="button" hidden>
            Verify in this browser
          </button>
          <noscript>
            <p>That needs JavaScript. On the command line: export the session, then agent-custody verify --file FILE.</p>
          </noscript>
          <div role="status" aria-live="polite" />
        </section>
        {elsewhere.length > 0 && (
          <section aria-labelledby="findings">
            <h2 id="findings">Findings about the session</h2>
            <FindingList findings={elsewhere.slice(0, MOST_FINDINGS)} session={report.session} />
            {elsewhere.length > MOST_FINDINGS && <p class="note">{`${elsewhere.length - MOST_FINDINGS} more are in the API.`}</p>}
          </section>
        )}
        <section aria-labelledby="chain">
          <h2 id="chain">The chain</h2>
          <PartNavigation session={report.session} part={part} />
          <Chain rows={rows} />
        </section>
      </>
    ),
  });
}

function PartNavigation({ session, part }: { readonly session: string; readonly part: ChainPart }) {
  const { from, last, highest, step } = part;
  if (from <= 1 && last >= highest) return null;
  const to = (seq: number): string => `/console/sessions/${session}?from=${seq}#chain`;
  return (
    <nav class="part" aria-label="Parts of the chain">
      <span>{`Links ${from} to ${last} of ${highest}`}</span>
      {from > 1 && <a href={to(1)}>First</a>}
      {from > 1 && <a href={to(Math.max(1, from - step))}>Earlier</a>}
      {last < highest && <a href={to(last + 1)}>Later</a>}
      {last < highest && <a href={`/console/sessions/${session}#chain`}>Newest</a>}
    </nav>
  );
}
