import { variable } from '../traceql.js';
import { DASHBOARD } from '../uids.js';

/** A link as field options have it. */
export interface FieldLink {
  readonly title: string;
  readonly url: string;
}

/** @param trace the field that holds the trace id */
export function toSession(trace = 'traceIdHidden', agent?: string): FieldLink {
  const more = agent === undefined ? '' : `&var-agent=${field(agent)}`;
  return {
    title: 'Open the session',
    url: `/d/${DASHBOARD.session}?var-session=\${__value.raw}&var-trace=${field(trace)}${more}&\${__url_time_range}`,
  };
}

export const toChangeControl: FieldLink = {
  title: 'What was approved for this agent',
  url: `/d/${DASHBOARD.changeControl}?var-agent=\${__value.raw}&\${__url_time_range}`,
};

export const toOverview: FieldLink = {
  title: 'What this agent did',
  url: `/d/${DASHBOARD.overview}?var-agent=\${__value.raw}&\${__url_time_range}`,
};

/** A page of the collector's console, at the top of a dashboard that has the variable `console`. */
const inConsole = (title: string, path: string): FieldLink => ({ title, url: `${variable('console:raw')}/console/${path}` });

export const sessionInConsole = inConsole('This session in the console', `sessions/${variable('session')}`);
export const approvalsInConsole = inConsole('Approvals in the console', 'approvals');

const field = (name: string): string => `\${__data.fields["${name}"]}`;
