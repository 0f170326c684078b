import type { LinkCopy } from '@agent-custody/chain';
import { nodeHashing } from '../../hashing.js';
import type { Ledger } from '../../ledger/ledger.js';
import { compareLinks, type Divergence } from '../../verify/compare.js';
import type { TempoReader } from '../client.js';
import { readCovered } from '../cut.js';

/** What one look at a session showed. */
export interface Look {
  readonly divergences: readonly Divergence[];
  /** Copies of its links: on record, and found in Tempo. */
  readonly recorded: number;
  readonly stored: number;
  /** Anything at all was in its traces: this is the Tempo that is forwarded to. */
  readonly found: boolean;
  /** Tempo gave only a part of one of its traces. */
  readonly partial: boolean;
}

/**
 * Reads a session's traces from Tempo by id, which sees what was written at once where a search takes its time, and holds them against
 * the ledger. The ledger is read after Tempo, so that nothing there can be newer than the record.
 *
 * @throws TempoError, LedgerError
 */
export async function lookAt(session: string, ledger: Ledger, tempo: TempoReader): Promise<Look> {
  const traces = new Set<string>();
  for (const { traceId } of ledger.links(session, 1)) if (TRACE_ID.test(traceId)) traces.add(traceId);
  const stored: LinkCopy[] = [];
  const partial = new Set<string>();
  let found = false;
  for (const id of traces) {
    const trace = await tempo.trace(id);
    if (trace.partial) partial.add(id);
    found ||= trace.spans.length > 0;
    for (const span of trace.spans) {
      if (!span.isLinkClaim) continue;
      const reading = readCovered(span, nodeHashing);
      if (reading.type === 'link' && reading.link.session === session) stored.push(reading.link);
    }
  }
  const recorded = [...ledger.links(session, 1)];
  const bounds = ledger.findings(session).filter(({ code }) => code === 'overflow');
  const divergences = compareLinks(recorded, stored, {
    expected: ({ traceId }) => traces.has(traceId) && !partial.has(traceId),
    boundedFrom: bounds.length === 0 ? undefined : Math.min(...bounds.map(({ seq }) => seq)),
  });
  return { divergences, recorded: recorded.length, stored: stored.length, found, partial: partial.size > 0 };
}

const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/;
