import { gzipSync } from 'node:zlib';
import { ChainWriter, commitment, fingerprintDigest, toCanonical } from '@agent-custody/chain';
import { encodeRequest } from '@agent-custody/chain/otlp';
import { toolArguments } from './arguments.js';
import { nodeHashing } from './parts.js';
import { Random } from './random.js';

/** Spans in one request: what an SDK's batch processor sends at most by default. */
export const SPANS = 512;
const ACTIONS_PER_SESSION = 32;
const RESOURCE = {
  'service.name': 'billing',
  'service.version': '4.2.0',
  'deployment.environment.name': 'production',
  'host.name': 'bench',
};
const SCOPE = { name: '@agent-custody/instrumentation', version: '0.1.0' };
const COMPONENTS = Object.fromEntries(
  ['system_prompt', 'tools', 'memory'].map((name) => [name, fingerprintDigest(name, `the ${name}`, nodeHashing)]),
);

/** @typedef {import('@agent-custody/chain/otlp').SpanRecord} SpanRecord */

/**
 * One agent's OTLP requests, in the order in which it sends them: spans of model calls as the GenAI conventions have them, about 20
 * attributes each, with the links of its sessions among them. Two agents never share a trace or a session.
 */
export class Agent {
  #random;
  #every;
  #links;

  /**
   * @param {number} seed another one for each agent
   * @param {number} every every how many spans is a link: 1 for all of them
   */
  constructor(seed, every) {
    this.#random = new Random(seed);
    this.#every = every;
    this.#links = this.#sessions();
  }

  /** The next request, as protobuf. */
  request() {
    const records = Array.from({ length: SPANS }, (_, index) => (index % this.#every === 0 ? this.#link() : modelCall(this.#random)));
    return encodeRequest(records, RESOURCE, SCOPE);
  }

  /** The next request, compressed as exporters do it. */
  compressed() {
    return gzipSync(this.request());
  }

  /** @returns {SpanRecord} */
  #link() {
    const { value } = this.#links.next();
    if (value === undefined) throw new Error('sessions follow each other without end');
    return value;
  }

  /** @returns {Generator<SpanRecord, undefined>} */
  *#sessions() {
    for (;;) yield* session(this.#random);
  }
}

/**
 * A session from its start to its end.
 *
 * @param {Random} random
 */
function* session(random) {
  const writer = new ChainWriter({ session: random.hex(16), agent: { id: 'billing-bot', name: 'Billing bot' }, hashing: nodeHashing });
  const traceId = random.hex(16);
  let now = 1_790_000_000_000_000_000n;
  /**
   * @param {string} name
   * @param {(place: import('@agent-custody/chain').Place) => import('@agent-custody/chain').WrittenLink} write
   * @returns {SpanRecord}
   */
  const record = (name, write) => {
    const startNs = (now += BigInt(random.integer(5_000_000)));
    const { spanId, attributes } = write({ traceId, spanId: random.hex(8), now });
    return { traceId, spanId, parentSpanId: '', name, startNs, endNs: startNs + 40_000n, attributes };
  };
  yield record('session.start Billing bot', (place) => writer.start({ components: COMPONENTS, principal: 'alice@example.com' }, place));
  for (let action = 0; action < ACTIONS_PER_SESSION; action++) {
    const actionId = random.hex(8);
    const tool = { name: 'send_email', type: 'function', callId: `call_${random.hex(8)}` };
    yield record('intent send_email', (place) => writer.intent({ actionId, tool, ...intended(random) }, place));
    yield record('execute_tool send_email', (place) =>
      writer.outcome({ actionId, tool, status: 'ok', resultDigest: committed('result', random.text(8), random).digest }, place),
    );
  }
  yield record('session.end Billing bot', (place) => writer.end('completed', place));
}

/** What an intent says of its arguments and reason, both disclosed. */
function intended(/** @type {Random} */ random) {
  const args = committed('arguments', toolArguments(random), random);
  const reason = random.text(14);
  const why = committed('reason', reason, random);
  return {
    argumentsDigest: args.digest,
    argumentsEncoding: args.encoding,
    reasonDigest: why.digest,
    reasonSource: /** @type {const} */ ('text'),
    decision: /** @type {const} */ ('allow'),
    rule: 'none',
    content: {
      'gen_ai.tool.call.arguments': args.text,
      'custody.salt.arguments': args.salt,
      'custody.action.reason': reason,
      'custody.salt.reason': why.salt,
    },
  };
}

/**
 * @param {import('@agent-custody/chain').CommittedField} field
 * @param {unknown} value
 * @param {Random} random
 */
function committed(field, value, random) {
  const salt = random.hex(32);
  const { text, encoding } = toCanonical(value);
  return { text, encoding, salt, digest: commitment(field, text, salt, nodeHashing) };
}

/** @returns {SpanRecord} */
function modelCall(/** @type {Random} */ random) {
  const startNs = 1_790_000_000_000_000_000n + BigInt(random.bits());
  return {
    traceId: random.hex(16),
    spanId: random.hex(8),
    parentSpanId: random.hex(8),
    name: 'chat gpt-5.2',
    startNs,
    endNs: startNs + BigInt(random.bits()),
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.agent.id': 'billing-bot',
      'gen_ai.agent.name': 'Billing bot',
      'gen_ai.conversation.id': random.hex(16),
      'gen_ai.request.model': 'gpt-5.2',
      'gen_ai.request.max_tokens': 4096,
      'gen_ai.request.stop_sequences': ['END', 'STOP'],
      'gen_ai.response.id': `resp_${random.hex(16)}`,
      'gen_ai.response.model': 'gpt-5.2-2026-08-01',
      'gen_ai.response.finish_reasons': ['tool_calls'],
      'gen_ai.usage.input_tokens': random.integer(20_000),
      'gen_ai.usage.output_tokens': random.integer(2_000),
      'gen_ai.output.type': 'text',
      'gen_ai.input.messages': JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: random.text(30) }] }]),
      'gen_ai.output.messages': JSON.stringify([{ role: 'assistant', parts: [{ type: 'text', content: random.text(25) }] }]),
      'server.address': 'api.example.com',
      'server.port': 443,
      'http.request.resend_count': random.integer(3),
      'user.id': random.hex(8),
    },
  };
}
