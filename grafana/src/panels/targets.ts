import { DataqueryBuilder as PromQuery, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { MetricsQueryType, SearchTableType, DataqueryBuilder as TempoQuery, TempoQueryType } from '@grafana/grafana-foundation-sdk/tempo';
import { variable } from '../traceql.js';

/** Data sources are variables of each dashboard, so that it works beside others. */
export const TEMPO = { type: 'tempo', uid: variable('tempo') };
export const PROMETHEUS = { type: 'prometheus', uid: variable('prometheus') };

/** Spans of one set that a search gives: Tempo's most. */
export const SPANS_PER_SET = 100;

// One TraceQL query a panel: Grafana's data source runs the first and drops the others.

/** Spans as a table. */
export function spans(query: string, traces: number): TempoQuery {
  return tempo(query).tableType(SearchTableType.Spans).limit(traces).spss(SPANS_PER_SET);
}

/** A TraceQL metrics query. Tempo 2.10 answers it from local-blocks, 3 from its live store. */
export function overTime(query: string): TempoQuery {
  return tempo(query).metricsQueryType(MetricsQueryType.Range);
}

/** A whole trace. */
export function trace(id: string): TempoQuery {
  return tempo(id);
}

/** The schema of the query asks for filters, also where the query is text. */
function tempo(query: string): TempoQuery {
  return new TempoQuery().refId('A').queryType(TempoQueryType.Traceql).query(query).filters([]).datasource(TEMPO);
}

/** A PromQL query over time. @param legend such as `{{code}}` */
export function series(expr: string, legend: string, refId = 'A'): PromQuery {
  return new PromQuery().refId(refId).expr(expr).legendFormat(legend).range().datasource(PROMETHEUS);
}

/** A PromQL query as of the end of the time range. */
export function latest(expr: string, legend: string, refId = 'A'): PromQuery {
  return new PromQuery().refId(refId).expr(expr).legendFormat(legend).instant().datasource(PROMETHEUS);
}

/** The same, a row for each series. */
export function rows(expr: string, refId = 'A'): PromQuery {
  return new PromQuery().refId(refId).expr(expr).legendFormat('').instant().format(PromQueryFormat.Table).datasource(PROMETHEUS);
}
