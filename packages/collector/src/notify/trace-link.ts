/** The uid of the Tempo data source in the provisioned Grafana. */
const TEMPO_UID = 'tempo';
/** The range shown around a span, ms: Explore asks for one, and a link that is opened next year must still show it. */
const AROUND_MS = 3_600_000;

/** A place in a trace. */
export interface TracePlace {
  /** 32 hex; '' when none is known. */
  readonly traceId: string;
  /** 16 hex; '' for the trace as a whole. */
  readonly spanId: string;
  /** Unix ms. */
  readonly atMs: number;
}

/**
 * Grafana's Explore at a span; undefined when no trace is known.
 *
 * @param grafanaUrl where people reach Grafana, with its sub-path if it has one
 * @example traceLink('https://grafana.example.com', { traceId, spanId, atMs: Date.now() })
 */
export function traceLink(grafanaUrl: string, { traceId, spanId, atMs }: TracePlace): string | undefined {
  // From a finding: an agent has no say in what the link holds beside hex.
  if (!/^[0-9a-f]{32}$/.test(traceId)) return undefined;
  const at = Math.trunc(atMs);
  const datasource = { type: 'tempo', uid: TEMPO_UID };
  const pane = {
    datasource: TEMPO_UID,
    queries: [{ refId: 'A', datasource, queryType: 'traceql', query: traceId }],
    range: { from: String(at - AROUND_MS), to: String(at + AROUND_MS) },
    ...(/^[0-9a-f]{16}$/.test(spanId) && { panelsState: { trace: { spanId } } }),
  };
  const url = new URL(`${grafanaUrl.replace(/\/+$/, '')}/explore`);
  url.searchParams.set('schemaVersion', '1');
  url.searchParams.set('panes', JSON.stringify({ custody: pane }));
  return url.href;
}
