import { compilePolicy, createState, decide, parsePolicy } from '@agent-custody/policy';
import { toolArguments } from '../arguments.js';
import { Random } from '../random.js';
import { cpuPerCall, interleave, settled } from '../rounds.js';
import { microseconds } from '../units.js';

const POOL = 256;
const CALLS = 20_000;
/** What a decision may take, ns. */
const MOST = 20_000;

/** @returns {Promise<import('../table.js').Row[]>} */
export async function measure() {
  return [
    await decided('rules alone', rules(50)),
    await decided('rules, limits, budgets and breakers', { ...rules(40), ...restrictions() }),
  ];
}

/**
 * @param {string} mix
 * @param {Record<string, unknown>} document
 * @returns {Promise<import('../table.js').Row>}
 */
async function decided(mix, document) {
  const policy = compilePolicy(parsePolicy({ default: 'deny', ...document }));
  const random = new Random(7);
  const pool = Array.from({ length: POOL }, (_, index) => ({
    tool: 'send_invoice',
    agent: 'billing-bot',
    principal: 'alice@example.com',
    session: '0123456789abcdef0123456789abcdef',
    arguments: { ...toolArguments(random), url: `https://api.bank.example/v1/${index}`, path: `/srv/billing/out/${index}.pdf` },
  }));
  let state = createState();
  let now = Date.UTC(2026, 10, 23, 12);
  const costs = await interleave(
    {
      ours: () =>
        cpuPerCall(CALLS, (index) => {
          now += 50;
          const decision = decide(policy, state, /** @type {(typeof pool)[0]} */ (pool[index % POOL]), now);
          if (decision.permit === undefined) throw new Error(`the call was denied: ${decision.reason}`);
          state = decision.state;
        }),
    },
    { warmUp: 5, rounds: 15, most: 40 },
  );
  return {
    name: `decision of a policy, ${mix}`,
    what: `a decision under 50 ${mix}; the last rule allows`,
    against: 'the 20 µs that a decision may take',
    target: { atMost: 1 },
    ours: microseconds(settled(costs.ours).value),
    theirs: microseconds(MOST),
    ratio: settled(costs.ours.map((cost) => cost / MOST)),
    bound: 'the rules that are about the tool: their conditions, of these above all the URL and the regular expression',
  };
}

/**
 * Half are about other tools, half about this one with a condition that fails; the last one has one of each kind and holds.
 *
 * @param {number} count
 */
function rules(count) {
  const failing = Array.from({ length: count - 1 }, (_, index) =>
    index % 2 === 0
      ? { tools: [`tool_${index}`, `read_${index}_*`], decision: 'deny' }
      : {
          tools: 'send_*',
          when: [{ argument: '/amount', above: 20_000 + index }],
          decision: index % 4 === 1 ? 'deny' : 'require_approval',
        },
  );
  const last = {
    tools: 'send_*',
    when: [
      { argument: '/url', hosts: ['api.bank.example', '*.tax.example'] },
      { argument: '/path', inside: '/srv/billing' },
      { argument: '/to', matches: '[0-9a-f]+@example\\.com' },
      { argument: '/currency', one_of: ['EUR', 'USD'] },
    ],
    decision: 'allow',
  };
  return { rules: [...failing, last] };
}

function restrictions() {
  return {
    hours: [{ zone: 'Europe/Berlin', from: '00:00', to: '24:00' }],
    separation: [{ never_both: ['create_*', 'send_*'] }],
    flows: [{ label: 'secret', from: 'read_secret', restricts: { tools: 'send_*' } }],
    limits: [
      { calls: 1_000_000, within: '1m', per: 'agent' },
      { calls: 1_000_000, within: '1h', per: ['tool', 'principal'] },
    ],
    budgets: [{ sum: { argument: '/amount', at_most: 1e15 } }],
    breakers: [
      { consecutive_errors: 5 },
      { error_rate: { above: 0.5, of: 20 } },
      { identical_calls: 50, within: '1s' },
      { changed_retries: 5 },
    ],
  };
}
