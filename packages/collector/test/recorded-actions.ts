import { randomBytes } from 'node:crypto';
import {
  type ActionStatus,
  ATTR,
  ChainWriter,
  canonicalize,
  commitment,
  type Place,
  type PolicyDecision,
  type WrittenLink,
} from '@agent-custody/chain';
import { nodeHashing } from '../src/hashing.js';
import { COMPONENTS } from './recorded-session.js';

const hex = (bytes: number) => randomBytes(bytes).toString('hex');

export interface Act {
  readonly tool: string;
  readonly args?: unknown;
  /** Whether the arguments are on record beside their digest. */
  readonly disclosed?: boolean;
  readonly decision?: PolicyDecision;
  /** null: no outcome is on record. */
  readonly status?: ActionStatus | null;
  /** Sessions of agents that it starts. */
  readonly starts?: readonly string[];
  /** Agents that it is not let start. */
  readonly refused?: readonly string[];
}

export interface Run {
  readonly process?: string;
  readonly startMs?: number;
  /** `custody.fingerprint.policy`. */
  readonly policy?: string;
}

/** The links of one session of the agent `billing-bot` on behalf of alice, a second between its links. */
export function recordActions(acts: readonly Act[], { process, startMs = Date.UTC(2026, 10, 23, 12), policy }: Run = {}): WrittenLink[] {
  const writer = new ChainWriter({ session: hex(16), agent: { id: 'billing-bot', name: 'billing-bot' }, hashing: nodeHashing });
  const traceId = hex(16);
  let now = startMs;
  const place = (): Place => ({ traceId, spanId: hex(8), now: BigInt((now += 1000)) * 1_000_000n });
  const links = [
    writer.start({ components: { ...COMPONENTS, ...(policy && { policy }) }, principal: 'alice@example.com', processId: process }, place()),
  ];
  for (const [at, { tool, args = {}, disclosed = true, decision = 'allow', status = 'ok', starts = [], refused = [] }] of acts.entries()) {
    const salt = hex(32);
    const text = canonicalize(args);
    const named = { actionId: `act_${at}`, tool: { name: tool } };
    links.push(
      writer.intent(
        {
          ...named,
          argumentsDigest: commitment('arguments', text, salt, nodeHashing),
          argumentsEncoding: 'json',
          reasonDigest: commitment('reason', 'null', hex(32), nodeHashing),
          reasonSource: 'none',
          decision,
          rule: 'none',
          content: disclosed ? { [ATTR.toolArguments]: text, [ATTR.saltArguments]: salt } : {},
        },
        place(),
      ),
    );
    for (const child of starts) links.push(writer.spawn(child, place(), { parentActionId: named.actionId }));
    for (const agent of refused) links.push(...refusal(writer, agent, named.actionId, place));
    if (status !== null) links.push(writer.outcome({ ...named, status }, place()));
  }
  links.push(writer.end('completed', place()));
  return links;
}

function refusal(writer: ChainWriter, agent: string, inside: string, place: () => Place): readonly WrittenLink[] {
  const named = { actionId: hex(8), tool: { name: agent } };
  const digests = { argumentsDigest: hex(32), argumentsEncoding: 'json', reasonDigest: hex(32), reasonSource: 'none' } as const;
  const intent = { ...named, ...digests, parentActionId: inside, childAgentId: agent, decision: 'deny', rule: 'fan-out' } as const;
  return [writer.intent(intent, place()), writer.outcome({ ...named, status: 'denied' }, place())];
}
