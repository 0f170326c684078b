import { DASHBOARD } from '../uids.js';

/** A data link as field options have it. */
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

const field = (name: string): string => `\${__data.fields["${name}"]}`;
