import { readFileSync } from 'node:fs';
import { type Attributes, readSpan } from '@agent-custody/chain';
import { encodeRequest, spansOfJson } from '@agent-custody/chain/otlp';
import { describe, expect, it } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { assemble, type Scanned, scanJson, scanRequest } from '../src/scan/index.js';

const vectors = <T>(name: string): T => JSON.parse(readFileSync(new URL(`../../chain/vectors/${name}`, import.meta.url), 'utf8')) as T;
const links = vectors<{ attributes: Attributes; trace_id: string; span_id: string; hash: string }[]>('links.json');
const sessions = vectors<{ name: string; requests: unknown[] }[]>('sessions.json');

const readings = ({ spans }: Scanned) => spans.map(({ view }) => readSpan(view, nodeHashing));
const forwarded = (scanned: Scanned): Uint8Array =>
  assemble(
    scanned.spans.map((span) => ({
      group: scanned.groups[span.group] as (typeof scanned.groups)[number],
      span: span.bytes,
      status: 'linked',
    })),
  );

describe('the links of the vectors', () => {
  it('recompute from protobuf, and again from what is forwarded', () => {
    const records = links.map(({ attributes, trace_id, span_id }) => ({
      traceId: trace_id,
      spanId: span_id,
      parentSpanId: '',
      name: 'link',
      startNs: 1n,
      endNs: 2n,
      attributes,
    }));
    const scanned = scanRequest(encodeRequest(records, { 'service.name': 'shop' }, { name: 'lib' }));
    const expected = links.map(({ hash }) => ({ type: 'link', link: expect.objectContaining({ hash, recomputes: true }) }));
    expect(links).not.toHaveLength(0);
    expect(readings(scanned)).toEqual(expected);
    expect(readings(scanRequest(forwarded(scanned)))).toEqual(expected);
  });

  it.each(sessions.map(({ name, requests }) => [name, requests] as const))("session '%s' reads the same by every way in", (_, requests) => {
    for (const request of requests) {
      const scanned = scanJson(Buffer.from(JSON.stringify(request)));
      const byChain = spansOfJson(request).map((view) => readSpan(view, nodeHashing));
      const type = ({ type: each }: { type: string }) => each;
      expect(readings(scanned).map(type)).toEqual(byChain.map(type));
      const comparable = (reading: (typeof byChain)[number]) => (reading.type === 'malformed' ? { ...reading, detail: '' } : reading);
      expect(readings(scanned).map(comparable)).toEqual(byChain.map(comparable));
      expect(readings(scanRequest(forwarded(scanned)))).toEqual(readings(scanned));
      expect(scanned.spans.map(({ isLinkClaim }) => isLinkClaim)).toEqual(byChain.map((reading) => reading.type !== 'none'));
    }
  });
});
