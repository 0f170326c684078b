// What links name: a dashboard, an alert or a data source that is renamed here is renamed everywhere.

/** Data sources, as provisioned. */
export const DATASOURCE = { tempo: 'tempo', prometheus: 'prometheus', alertmanager: 'alertmanager' } as const;

export const DASHBOARD = {
  overview: 'custody-overview',
  session: 'custody-session',
  changeControl: 'custody-change-control',
  collector: 'custody-collector',
  runbook: 'custody-runbook',
} as const;

/** The scrape job of the collectors. */
export const JOB = 'agent-custody-collector';
