/** mixin severities: somebody is woken, somebody looks today, somebody looks when the time comes. */
export type AlertSeverity = 'critical' | 'warning' | 'info';

/** One alert, from which the rules of Prometheus and those of Grafana are made. */
export interface Alert {
  readonly name: string;
  readonly severity: AlertSeverity;
  /** PromQL that gives a series for each thing that is wrong. Holds no `$`: Grafana would take it for a variable of its own. */
  readonly expr: string;
  /** How long it must hold, such as `1m`; absent: at once. */
  readonly holds?: string;
  /** One static sentence. */
  readonly summary: string;
  /** With the labels of the series, as Prometheus' templates have them. */
  readonly description: string;
  /** Path and query of the dashboard page that shows it, as a template. */
  readonly dashboard: string;
  /** The same of the very span, where there is one. */
  readonly trace?: string;
}

export interface AlertGroup {
  readonly name: string;
  readonly alerts: readonly Alert[];
}
