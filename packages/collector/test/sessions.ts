// Sessions as an agent writes them, and what can be done to them on the way.

import { randomBytes } from 'node:crypto';
import { ATTR, ChainWriter, type Place, type Position, type WrittenLink } from '@agent-custody/chain';
import { encodeRequest, type SpanRecord } from '@agent-custody/chain/otlp';
import { nodeHashing } from '../src/hashing.js';
import { type Scanned, scanRequest } from '../src/scan/index.js';

const DIGEST = 'd'.repeat(64);
const COMPONENTS = { system_prompt: 'a'.repeat(64), tools: 'b'.repeat(64), memory: 'c'.repeat(64) };

export const newId = (bytes: 8 | 16): string => randomBytes(bytes).toString('hex');

export interface SessionSpec {
  readonly id?: string;
  readonly agent?: string;
  /** Actions, each an intent and an outcome (default 2). */
  readonly actions?: number;
  readonly ended?: boolean;
  readonly parent?: Position;
  readonly components?: Readonly<Record<string, string>>;
}

/** The links of one session, in order. */
export function sessionOf(spec: SessionSpec = {}): WrittenLink[] {
  const session = spec.id ?? newId(16);
  const agent = spec.agent ?? 'billing-bot';
  const traceId = newId(16);
  const place = (): Place => ({ traceId, spanId: newId(8), now: BigInt(Date.now()) * 1_000_000n });
  const writer = new ChainWriter({ session, agent: { id: agent, name: `${agent} name` }, hashing: nodeHashing });
  const links = [writer.start({ components: spec.components ?? COMPONENTS, principal: 'ann@example.com', parent: spec.parent }, place())];
  for (let i = 0; i < (spec.actions ?? 2); i++) {
    const actionId = newId(8);
    const tool = { name: 'send_email', type: 'function', callId: `call_${i}` };
    links.push(
      writer.intent(
        {
          actionId,
          tool,
          argumentsDigest: DIGEST,
          argumentsEncoding: 'json',
          reasonDigest: DIGEST,
          reasonSource: 'text',
          decision: 'allow',
          rule: 'none',
        },
        place(),
      ),
      writer.outcome({ actionId, tool, status: 'ok', resultDigest: DIGEST }, place()),
    );
  }
  if (spec.ended ?? true) links.push(writer.end('completed', place()));
  return links;
}

export function recordOf(link: WrittenLink): SpanRecord {
  const startNs = BigInt(link.time);
  return {
    traceId: link.traceId,
    spanId: link.spanId,
    parentSpanId: '',
    name: link.kind,
    startNs,
    endNs: startNs,
    attributes: link.attributes,
  };
}

export function plainSpan(name = 'GET /'): SpanRecord {
  return { traceId: newId(16), spanId: newId(8), parentSpanId: '', name, startNs: 1n, endNs: 2n, attributes: { 'http.route': '/' } };
}

export function bodyOf(records: readonly SpanRecord[]): Uint8Array {
  return encodeRequest(records, { 'service.name': 'agent' }, { name: 'test' });
}

export function scannedOf(links: readonly WrittenLink[], ...others: readonly SpanRecord[]): Scanned {
  return scanRequest(bodyOf([...links.map(recordOf), ...others]));
}

/** The link with a covered value changed after it was hashed. */
export function edited(link: WrittenLink): WrittenLink {
  return { ...link, attributes: { ...link.attributes, [ATTR.agentName]: 'somebody else' } };
}
