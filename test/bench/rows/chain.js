import { randomFillSync } from 'node:crypto';
import { ChainWriter, commitment, fingerprintDigest, toCanonical } from '@agent-custody/chain';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { toolArguments } from '../arguments.js';
import { agentHashing } from '../parts.js';
import { Random } from '../random.js';
import { cpuPerCall, interleave, ratios, settled } from '../rounds.js';
import { microseconds } from '../units.js';

const ROUND = 4_000;

/** @returns {Promise<import('../table.js').Row[]>} */
export async function measure() {
  const ids = spanIds();
  const costs = await interleave(
    { theirs: () => bareSpans(), ours: () => links(ids), crypto: () => cryptoAlone() },
    { warmUp: 6, rounds: 15, most: 40, steady: ({ ours, theirs }) => [ratios(ours, theirs)] },
  );
  return [
    {
      name: 'what the chain adds to a span',
      what: 'what the chain adds to a span: canonical form, digests, link hash',
      against: 'a bare SDK span with 20 attributes',
      target: { atMost: 1.0 },
      ours: `${microseconds(settled(costs.ours).value)} a link`,
      theirs: microseconds(settled(costs.theirs).value),
      ratio: settled(ratios(costs.ours, costs.theirs)),
      bound: `three HMACs and two hashes for an intent and its outcome: node:crypto alone takes ${microseconds(settled(costs.crypto).value)} a link`,
    },
  ];
}

const provider = new BasicTracerProvider({
  spanProcessors: [{ onStart() {}, onEnd() {}, forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() }],
});
const tracer = provider.getTracer('bench');
const random = new Random(2);
const attributes = Object.fromEntries([
  ...Array.from({ length: 14 }, (_, index) => [`gen_ai.some.attribute_${index}`, random.hex(16)]),
  ...Array.from({ length: 6 }, (_, index) => [`gen_ai.usage.count_${index}`, random.integer(10_000)]),
]);

/** Attributes are set after the start, which is the cheap way: given to startSpan they cost twice as much. */
function bareSpans() {
  return cpuPerCall(ROUND, () => {
    const span = tracer.startSpan('execute_tool send_email');
    for (const key in attributes) span.setAttribute(key, attributes[key]);
    span.end();
  });
}

/** Nanoseconds a link, over a session of intents and outcomes with arguments, reason and result committed to. */
function links(/** @type {() => { traceId: string, spanId: string }} */ ids) {
  const writer = new ChainWriter({ session: random.hex(16), agent: { id: 'billing-bot', name: 'Billing bot' }, hashing: agentHashing });
  const components = Object.fromEntries(
    ['system_prompt', 'tools', 'memory'].map((name) => [name, fingerprintDigest(name, random.text(20), agentHashing)]),
  );
  writer.start({ components }, { ...ids(), now: 1n });
  const calls = Array.from({ length: 64 }, () => ({ input: toolArguments(random), reason: random.text(12), result: random.text(8) }));
  let now = 1n;
  const perAction = cpuPerCall(ROUND / 2, (index) => {
    const { input, reason, result } = /** @type {(typeof calls)[number]} */ (calls[index % calls.length]);
    const place = ids();
    const tool = { name: 'send_email', type: 'function', callId: place.traceId };
    const args = toCanonical(input);
    writer.intent(
      {
        actionId: place.spanId,
        tool,
        argumentsDigest: commitment('arguments', args.text, salt(), agentHashing),
        argumentsEncoding: args.encoding,
        reasonDigest: commitment('reason', toCanonical(reason).text, salt(), agentHashing),
        reasonSource: 'text',
        decision: 'allow',
        rule: 'none',
      },
      { ...place, now: (now += 1_000n) },
    );
    const resultDigest = commitment('result', toCanonical(result).text, salt(), agentHashing);
    writer.outcome({ actionId: place.spanId, tool, status: 'ok', resultDigest }, { ...ids(), now: (now += 1_000n) });
  });
  return perAction / 2;
}

/** What no rewriting of the chain can take away: the hashing that the format asks for, on texts of the same lengths. */
function cryptoAlone() {
  const preimages = [random.text(190), random.text(130)].map((text) => `agent-custody/v1/link\n${text}`);
  const texts = [JSON.stringify(toolArguments(random)), random.text(12), random.text(8)];
  const perAction = cpuPerCall(ROUND / 2, () => {
    for (const text of texts) agentHashing.hmacSha256(salt(), text);
    for (const preimage of preimages) agentHashing.sha256(preimage);
  });
  return perAction / 2;
}

const pool = Buffer.alloc(8192);
let used = pool.length;

/** Drawn in blocks, as the instrumentation does. */
function salt() {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 32;
  return pool.toString('hex', used - 32, used);
}

/** Ids come with the span that carries the link: they cost the chain nothing. */
function spanIds() {
  const made = Array.from({ length: 512 }, () => ({ traceId: random.hex(16), spanId: random.hex(8) }));
  let next = 0;
  return () => /** @type {(typeof made)[number]} */ (made[next++ % made.length]);
}
