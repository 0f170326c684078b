import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { TextMode, PanelBuilder as TextPanel } from '@grafana/grafana-foundation-sdk/text';
import { dashboard } from './panels/dashboard.js';
import { DASHBOARD } from './uids.js';

/** A section of the runbook: one alert. */
interface Entry {
  readonly alert: string;
  readonly text: string;
}

/** The sections of the runbook: `## AlertName` and what is below it. */
export function runbookEntries(runbook: string): readonly Entry[] {
  return runbook
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const end = section.indexOf('\n');
      return { alert: section.slice(0, end).trim(), text: section.slice(end + 1).trim() };
    });
}

/** The row before the panels has the first id. */
const FIRST_PANEL = 2;

/**
 * Where an alert leads whoever was paged: to its section, in the Grafana that they look at anyway.
 *
 * @throws RunbookError when there is no such section
 */
export function runbookLink(runbook: string, alert: string): string {
  const index = runbookEntries(runbook).findIndex((entry) => entry.alert === alert);
  if (index < 0) throw new RunbookError(`runbook.md has no section '## ${alert}': write what it means and what to do first`);
  return `/d/${DASHBOARD.runbook}?viewPanel=panel-${FIRST_PANEL + index}`;
}

/** An alert without a section in the runbook. */
export class RunbookError extends Error {
  readonly code = 'missing_section';
}

/** The runbook as a dashboard, a panel for each section. */
export function runbookPage(runbook: string): Dashboard {
  return dashboard({
    uid: DASHBOARD.runbook,
    title: 'Agent custody: runbook',
    description: 'What each alert means, its usual harmless cause, what to do first and what to preserve. Made from runbook.md.',
    variables: [],
    sections: [
      {
        title: 'Alerts',
        panels: runbookEntries(runbook).map(({ alert, text }) =>
          new TextPanel()
            .title(alert)
            .description(`What to do when ${alert} fires.`)
            .unit('string')
            .span(12)
            .height(12)
            .mode(TextMode.Markdown)
            .content(text),
        ),
      },
    ],
  });
}
