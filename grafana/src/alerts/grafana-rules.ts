import { runbookLink } from '../runbook.js';
import { DATASOURCE } from '../uids.js';
import type { Alert, AlertGroup } from './alert.js';

/** Grafana's least interval of evaluation. */
const INTERVAL = '10s';
const FOLDER = 'Agent custody';
const LOOK_BACK_SECONDS = 600;

/** The alerting file of Grafana: the same rules as Prometheus', evaluated by Grafana. */
export function grafanaRules(groups: readonly AlertGroup[], runbook: string): object {
  return {
    apiVersion: 1,
    groups: groups.map(({ name, alerts }) => ({
      orgId: 1,
      name,
      folder: FOLDER,
      interval: INTERVAL,
      rules: alerts.map((alert) => ruleOf(alert, runbook)),
    })),
  };
}

function ruleOf({ name, severity, expr, holds, summary, description, dashboard, trace }: Alert, runbook: string): object {
  return {
    uid: uidOf(name),
    title: name,
    condition: 'C',
    for: holds ?? '0s',
    noDataState: 'OK',
    execErrState: 'Error',
    data: [query(expr), reduced(), fires()],
    // Labels of a provisioning file have environment variables put in, annotations have not: so no label here holds a template.
    labels: { severity },
    annotations: {
      summary,
      description: inGrafana(description),
      runbook_url: inGrafana(url(runbookLink(runbook, name))),
      dashboard_url: inGrafana(url(dashboard)),
      ...(trace !== undefined && { trace_url: inGrafana(url(trace)) }),
    },
  };
}

/** Grafana's own address ends in a slash. */
const url = (path: string): string => `{{ externalURL }}${path.slice(1)}`;

/** A rule has several values in Grafana; Prometheus' one is that of the reduction. */
const inGrafana = (template: string): string => template.replaceAll('$value ', '$values.B.Value ');

/** Stable, unique, at most 40 characters of Grafana's alphabet. */
const uidOf = (name: string): string => `custody-${name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}`.slice(0, 40);

function query(expr: string): object {
  return step('A', DATASOURCE.prometheus, { expr, instant: true, range: false, editorMode: 'code' }, LOOK_BACK_SECONDS);
}

function reduced(): object {
  return step('B', '__expr__', { type: 'reduce', expression: 'A', reducer: 'last' }, 0);
}

/**
 * Prometheus fires for every series that there is, whatever its value: `up == 0` gives a 0. No value here is below that. (A threshold
 * and not the expression `$B`: a file that is provisioned has variables put in there too.)
 */
function fires(): object {
  return step('C', '__expr__', { type: 'threshold', expression: 'B', conditions: [{ evaluator: { type: 'gt', params: [-1] } }] }, 0);
}

function step(refId: string, datasourceUid: string, model: object, from: number): object {
  const datasource = datasourceUid === '__expr__' ? { type: '__expr__', uid: '__expr__' } : { type: 'prometheus', uid: datasourceUid };
  return {
    refId,
    datasourceUid,
    relativeTimeRange: { from, to: 0 },
    model: { refId, datasource, intervalMs: 1000, maxDataPoints: 43200, ...model },
  };
}
