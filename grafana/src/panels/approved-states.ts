import { METRIC } from '@agent-custody/collector';
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table';
import { variable } from '../traceql.js';
import type { About } from './look.js';
import { PROMETHEUS, rows } from './targets.js';

/** Label and title of each column, and its width. */
const COLUMNS: readonly (readonly [label: string, title: string, width: number])[] = [
  ['agent', 'Agent', 170],
  ['ticket', 'Ticket', 110],
  ['by', 'Approved by', 170],
  ['system_prompt', 'System prompt', 240],
  ['tools', 'Tools', 240],
  ['memory', 'Memory', 240],
  ['model', 'Model', 120],
  ['from', 'From', 180],
  ['until', 'Until', 180],
];

/**
 * The register as it is in force now, of the agents chosen. From the collector's metrics: an entry is announced to Tempo once, and
 * may have been long before the time range.
 */
export function approvedStates(about: About): TablePanel {
  const labels = COLUMNS.map(([label]) => label);
  const panel = new TablePanel()
    .title(about.title)
    .description(about.description)
    .unit(about.unit)
    .span(about.width)
    .height(about.height)
    .noValue('The register approves no state of this agent now')
    .datasource(PROMETHEUS)
    .withTarget(rows(`max by (${labels.join(', ')}) (${METRIC.approvedState}{agent=~"${variable('agent:regex')}"})`))
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true, Value: true },
        indexByName: Object.fromEntries(labels.map((label, index) => [label, index])),
        renameByName: Object.fromEntries(COLUMNS.map(([label, title]) => [label, title])),
      },
    });
  for (const [label, , width] of COLUMNS) {
    panel.overrideByName(label, [
      { id: 'custom.width', value: width },
      { id: 'custom.inspect', value: true },
    ]);
  }
  return panel;
}
