import { runbookLink } from '../runbook.js';
import type { Alert, AlertGroup } from './alert.js';

/** Where Grafana is: an external label, which alerts use and `alert_relabel_configs` takes off again. */
export const GRAFANA_URL_LABEL = 'grafana_url';
const GRAFANA = `{{ $externalLabels.${GRAFANA_URL_LABEL} }}`;

/** The rules file of Prometheus. */
export function prometheusRules(groups: readonly AlertGroup[], runbook: string): object {
  return { groups: groups.map(({ name, alerts }) => ({ name, rules: alerts.map((alert) => ruleOf(alert, runbook)) })) };
}

function ruleOf({ name, severity, expr, holds, summary, description, dashboard, trace }: Alert, runbook: string): object {
  return {
    alert: name,
    expr,
    ...(holds !== undefined && { for: holds }),
    labels: { severity },
    annotations: {
      summary,
      description,
      runbook_url: GRAFANA + runbookLink(runbook, name),
      dashboard_url: GRAFANA + dashboard,
      ...(trace !== undefined && { trace_url: GRAFANA + trace }),
    },
  };
}
