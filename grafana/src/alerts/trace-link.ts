import { DATASOURCE } from '../uids.js';

const TRACE = 'TRACE_ID';
const SPAN = 'SPAN_ID';

/** Explore, open at one span of a trace. @param trace, span ids, or the templates that give them */
export function traceLink(trace: string, span: string): string {
  const pane = {
    datasource: DATASOURCE.tempo,
    queries: [{ refId: 'A', datasource: { type: 'tempo', uid: DATASOURCE.tempo }, queryType: 'traceql', query: TRACE, filters: [] }],
    range: { from: 'now-24h', to: 'now' },
    panelsState: { trace: { spanId: SPAN } },
  };
  return `/explore?schemaVersion=1&orgId=1&panes=${encodeURIComponent(JSON.stringify({ trace: pane }))}`
    .replace(TRACE, trace)
    .replace(SPAN, span);
}
