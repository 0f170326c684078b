import { ATTR, type LinkCopy, type LinkStatus } from '@agent-custody/chain';
import { encodeRequest, type SpanRecord } from '@agent-custody/chain/otlp';
import type { RecordedLink } from '../../ledger/ledger.js';

const SCOPE = { name: '@agent-custody/collector' };
/** Bounds of one request: as of what is forwarded the first time. */
const REQUEST_SPANS = 1_024;

/** One OTLP request to forward. */
export interface SpansAgain {
  readonly request: Uint8Array;
  readonly spans: number;
}

/**
 * The spans of links once more, from what the ledger keeps of them: everything that the hash covers, the content and the ids. Name and
 * times are made from the link; other attributes, events, parent and resource of the first span were for people and are not on record.
 */
export function spansAgain(links: readonly RecordedLink[]): readonly SpansAgain[] {
  const out: SpansAgain[] = [];
  for (let from = 0; from < links.length; from += REQUEST_SPANS) {
    const part = links.slice(from, from + REQUEST_SPANS);
    const [first] = part;
    if (first === undefined) break;
    const { [ATTR.agentName]: name, [ATTR.agentId]: id } = first.link.attributes;
    const resource = { 'service.name': String(name ?? id ?? 'unknown_service') };
    const request = encodeRequest(
      part.map(({ link, status }) => spanOf(link, status)),
      resource,
      SCOPE,
    );
    out.push({ request, spans: part.length });
  }
  return out;
}

function spanOf(link: LinkCopy, status: LinkStatus): SpanRecord {
  const time = BigInt(link.time);
  return {
    traceId: link.traceId,
    spanId: link.spanId,
    parentSpanId: '',
    name: nameOf(link),
    startNs: time,
    endNs: time,
    attributes: { ...link.attributes, [ATTR.hash]: link.hash, ...link.content, [ATTR.status]: status },
  };
}

/** SPEC.md, "Spans". */
function nameOf({ kind, attributes }: LinkCopy): string {
  const tool = String(attributes[ATTR.toolName] ?? '');
  const agent = String(attributes[ATTR.agentName] ?? '');
  switch (kind) {
    case 'session.end':
      return `invoke_agent ${agent}`;
    case 'action.outcome':
      return `execute_tool ${tool}`;
    case 'action.intent':
      return `intent ${tool}`;
    case 'approval':
      return 'approval';
    case 'child.spawn':
      return `spawn ${agent}`;
    default:
      return `${kind} ${agent}`;
  }
}
