import { ATTR, type WrittenLink } from '@agent-custody/chain';
import { encodeRequest, type SpanRecord } from '@agent-custody/chain/otlp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf, edit, rehash, Script } from '../packages/chain/test/script.js';
import { tokenHash } from '../packages/collector/src/settings/tokens.js';
import { decode } from '../packages/collector/test/scan-decode.js';
import { type ApiFinding, type ApiSession, type Posted, Victim } from './attacks-collector.js';

// Whoever can post spans, and wants more than that: the collector's own voice, another agent's name, or its memory.

const TOKENS = { mine: 'custody_mine', theirs: 'custody_theirs' };
const victim = new Victim();
beforeAll(() =>
  victim.start('--ingest-token', `${tokenHash(TOKENS.mine)}:mallory`, '--ingest-token', `${tokenHash(TOKENS.theirs)}:billing-bot`),
);
afterAll(() => victim.stop());

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const at = (links: readonly WrittenLink[], seq: number): WrittenLink => links[seq - 1] as WrittenLink;
let worlds = 0;
const script = (agent = 'billing-bot'): Script => new Script(`abuse ${worlds++}`, undefined, agent);
const record = (span: Posted, name = 'posted'): SpanRecord => ({ ...span, parentSpanId: '', name, startNs: 1n, endNs: 2n });
const bodyOf = (spans: readonly Posted[], resource: Record<string, string> = { 'service.name': 'agent' }): Uint8Array =>
  encodeRequest(
    spans.map((span) => record(span)),
    resource,
    { name: 'abuse' },
  );
const send = (token: string, spans: readonly Posted[], resource?: Record<string, string>): Promise<Response> =>
  victim.postBytes(bodyOf(spans, resource), bearer(token));
const reportOf = (session: string): Promise<ApiSession> => victim.get(`/api/v1/sessions/${session}`);
const ids = (n: number): { traceId: string; spanId: string } => ({
  traceId: digestOf(`trace ${n}`).slice(0, 32),
  spanId: digestOf(`span ${n}`).slice(0, 16),
});

/** Posts, and answers how many spans were not taken. */
async function rejectedOf(token: string, spans: readonly Posted[]): Promise<number> {
  const response = await send(token, spans);
  expect(response.status).toBe(200);
  const { partialSuccess } = decode('exportResponse', new Uint8Array(await response.arrayBuffer())) as {
    partialSuccess?: { rejectedSpans?: string };
  };
  return Number(partialSuccess?.rejectedSpans ?? 0);
}

describe('a voice that is not the sender’s', () => {
  test('verdicts, findings and statuses that a sender claims do not reach Tempo', async () => {
    const forged = {
      'custody.verdict.integrity': 'intact',
      'custody.verdict.findings': 0,
      'custody.finding.code': 'fork',
      'custody.finding.severity': 'critical',
      'custody.finding.session.id': 'ab'.repeat(16),
      'custody.link.status': 'linked',
    };
    const links = script('mallory').start().heartbeat().links;
    const broken = edit(at(links, 2), { ...forged, 'custody.note': 'x' });
    const plain = { ...ids(1), attributes: { ...forged, 'http.route': '/' } };
    await send(TOKENS.mine, [at(links, 1), broken, plain], { 'service.name': 'agent-custody-collector' });
    await victim.shows('content_mismatch', broken.session);
    const shown = [broken, plain].flatMap((sent) => victim.tempo.stored.filter(({ spanId }) => spanId === sent.spanId));
    expect(shown.map(({ attributes }) => attributes['custody.link.status'])).toEqual(['broken', undefined]);
    for (const { attributes } of shown) {
      expect(Object.keys(attributes).filter((key) => /^custody\.(verdict|finding)\./.test(key))).toEqual([]);
    }
  });

  test('a token speaks for its own agents alone, whatever name the link gives or leaves out', async () => {
    const honest = script().start().intent('a').links;
    expect(await rejectedOf(TOKENS.theirs, honest)).toBe(0);
    const { session } = at(honest, 1);
    const impostor = rehash(at(honest, 2), { 'custody.note': 'x' });
    const underOwnName = rehash(at(honest, 2), { [ATTR.agentId]: 'mallory' });
    const malformed = edit(at(honest, 2), { [ATTR.kind]: undefined, [ATTR.agentId]: 'mallory' });
    const nameless = edit(at(honest, 2), { [ATTR.agentId]: undefined });
    expect(await rejectedOf(TOKENS.mine, [impostor, underOwnName, malformed, nameless])).toBe(4);
    expect(await reportOf(session)).toMatchObject({ integrity: 'intact', links: 2, findings: [] });
    expect(await victim.metrics()).toMatch(/^custody_spans_rejected_total 4$/m);
  });

  test.each([
    ['no token', {}],
    ['a wrong token', bearer('custody_wrong')],
    ['the hash of a token', bearer(tokenHash(TOKENS.mine))],
  ])('%s gets in nowhere', async (_what, headers) => {
    const response = await victim.postBytes(bodyOf(script().start().links), headers);
    expect(response.status).toBe(401);
  });
});

describe('a flood', () => {
  const residentBytes = async (): Promise<number> => Number(/^process_resident_memory_bytes (\d+)/m.exec(await victim.metrics())?.[1]);
  /** Two thousand spans a request; a collector that is busy says so. */
  async function pour(spans: readonly Posted[]): Promise<void> {
    for (let from = 0; from < spans.length; from += 2000) {
      const body = bodyOf(spans.slice(from, from + 2000));
      while ((await victim.postBytes(body, bearer(TOKENS.mine))).status === 503);
    }
  }
  const forged = (link: WrittenLink, n: number, changes: Record<string, string | number>): WrittenLink =>
    edit({ ...link, ...ids(n) }, changes);

  test('of far numbers, forks, sessions, spawns, malformed and huge links costs little, and the honest session beside it nothing', async () => {
    const honest = script().start().intent('a').outcome('a').end().links;
    await send(TOKENS.theirs, honest.slice(0, 2));
    const before = await residentBytes();
    const flood = script('mallory').start().heartbeat().links;
    const [start, beat] = [at(flood, 1), at(flood, 2)];
    const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
    await pour([start, rehash(beat, { [ATTR.seq]: Number.MAX_SAFE_INTEGER })]);
    // Holes without end.
    await pour(numbers(12_000).map((n) => forged(beat, n, { [ATTR.seq]: 10 + n * 7_919_000 })));
    // Forks of one number.
    await pour(numbers(2_000).map((n) => forged(beat, n, { [ATTR.seq]: 3, [ATTR.hash]: digestOf(`fork ${n}`) })));
    // One session more than fits in memory.
    await pour(numbers(10_001).map((n) => forged(start, n, { [ATTR.sessionId]: digestOf(`session ${n}`).slice(0, 32) })));
    await pour(numbers(2_000).map((n) => edit(forged(beat, n, { 'custody.note': 'n' }), { [ATTR.kind]: undefined })));
    await pour(
      numbers(4).map((n) =>
        forged(beat, n, { [ATTR.seq]: 4 + n, 'custody.huge': 'x'.repeat(4 << 20), [ATTR.agentName]: 'y'.repeat(1 << 20) }),
      ),
    );
    await send(TOKENS.theirs, honest.slice(2));
    await victim.shows('overflow', start.session);

    expect((await residentBytes()) - before).toBeLessThan(400 << 20);
    // Its end may have been so late, beside all that, that it was missed for a while.
    const { findings: told, ...report } = await reportOf(at(honest, 1).session);
    expect(report).toMatchObject({ integrity: 'intact', completeness: 'complete', links: 4 });
    expect(told.filter(({ healed, code }) => !healed && code !== 'late')).toEqual([]);
    const { findings } = await victim.get<{ findings: ApiFinding[] }>('/api/v1/findings?limit=1000');
    expect(Math.max(...findings.map(({ detail }) => detail.length))).toBeLessThan(1000);
    expect((await fetch(`${victim.url}/readyz`)).status).toBe(200);
  });

  test.each<[string, Uint8Array | string, Record<string, string>, number]>([
    ['that is no protobuf', 'not a request', {}, 400],
    ['that ends in the middle', bodyOf(script().start().links).subarray(0, 200), {}, 400],
    ['that is no JSON', '{"resourceSpans":[', { 'content-type': 'application/json' }, 400],
    ['that says gzip and is none', 'plain', { 'content-encoding': 'gzip' }, 400],
    ['of another type', '<xml/>', { 'content-type': 'application/xml' }, 415],
  ])('a body %s is refused, and nothing else happens', async (_what, body, headers, status) => {
    const response = await victim.postBytes(Buffer.from(body), { ...bearer(TOKENS.mine), ...headers });
    expect(response.status).toBe(status);
  });
});
