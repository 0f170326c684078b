// A ledger as months of work leave it: several agents, most of them honest, some things wrong, some removed.

import { randomBytes } from 'node:crypto';
import { ATTR, ChainWriter, type Place, type WrittenLink } from '@agent-custody/chain';
import { withoutSession } from '../src/handover/erase-request.js';
import { nodeHashing } from '../src/hashing.js';
import { type Ledger, openSqliteLedger } from '../src/ledger/index.js';
import { ANYONE, EngineBench, GRACE_MS, IDLE_MS } from './engine-fixtures.js';
import { Author, family, MEMORIES } from './families.js';
import { edited, scannedOf } from './sessions.js';

/** What an agent might call itself to be seen in a report. */
export const NASTY = '<script>alert(1)</script>"><img src=x onerror=alert(2)>\u202Egnp.exe';

/** The wall clock of the bench when the period begins, Unix ms. */
export const BEGAN_MS = 1_790_000_001_000;
const DAY_MS = 86_400_000;

export interface Audited {
  readonly path: string;
  readonly sessions: Readonly<
    Record<'honest' | 'broken' | 'gap' | 'denied' | 'ranDenied' | 'approved' | 'nasty' | 'erased' | 'pruned', string>
  >;
  readonly endsMs: number;
}

/** Writes such a ledger; the collector was down for six hours of the eighth day. */
export async function auditedLedger(path: string): Promise<Audited> {
  const bench = new EngineBench();
  bench.ledger.close();
  bench.ledger = openSqliteLedger(path);
  bench.engine = bench.open({ forwarder: undefined });
  const { clock, engine, ledger } = bench;
  const named = { owner: 'finance-it@example.com', principal: 'ann@example.com' };
  const author = (more: object = {}) => new Author({ ...named, atMs: clock.now(), ...more });
  const arrive = async (links: readonly WrittenLink[]): Promise<void> => void (await engine.ingest(scannedOf(links), ANYONE));
  const settle = (): void => {
    for (const wait of [0, GRACE_MS, IDLE_MS, IDLE_MS]) {
      clock.pass(wait);
      engine.tick();
    }
  };
  ledger.noteRun(clock.now(), 'receiving');
  const pruned = author().act().end();
  await arrive(pruned.links);
  settle();
  ledger.prune([pruned.session], { by: 'carol@example.com', reason: 'retain --days 365', atMs: clock.now(), beforeMs: clock.now() });
  for (let day = 0; day < 7; day++) {
    await arrive(author().act().act().end().links);
    const both = family({ ...named, agent: 'orchestrator', atMs: clock.now() }, { ...named, agent: 'researcher', atMs: clock.now() });
    await arrive([...both.parent.links, ...both.child.links]);
    clock.pass(DAY_MS - IDLE_MS);
    settle();
  }
  ledger.noteRun(clock.now(), 'receiving');
  clock.pass(DAY_MS / 4);
  ledger.close();
  bench.ledger = openSqliteLedger(path);
  bench.engine = bench.open({ forwarder: undefined });
  const sessions = await eventful(bench, named, pruned.session);
  bench.ledger.noteRun(clock.now(), 'stopped');
  const endsMs = clock.now() + 1;
  await bench.close();
  return { path, sessions, endsMs };
}

async function eventful(bench: EngineBench, named: object, pruned: string): Promise<Audited['sessions']> {
  const { clock, engine, ledger } = bench;
  ledger.noteRun(clock.now(), 'receiving');
  const author = (more: object = {}) => new Author({ ...named, atMs: clock.now(), ...more });
  const made = {
    honest: author().act().end(),
    broken: author().act().end(),
    gap: author({ agent: 'researcher' }).act().act().end(),
    denied: author().act('secret', 'deny', 'denied').end(),
    ranDenied: author({ agent: 'trader' }).act('secret', 'deny', 'ok').end(),
    nasty: author({ agent: NASTY, owner: undefined, principal: undefined }).act().change(MEMORIES.second).end(),
    erased: author().act('to be forgotten').end(),
  };
  const approved = approvedSession(clock.now());
  const sent: readonly (readonly WrittenLink[])[] = [
    made.honest.links,
    made.broken.links.map((link) => (link.seq === 2 ? edited(link) : link)),
    made.gap.links.filter(({ seq }) => seq !== 2 && seq !== 3),
    made.denied.links,
    made.ranDenied.links,
    approved,
    made.nasty.links,
    made.erased.links,
  ];
  for (const links of sent) await engine.ingest(scannedOf(links), ANYONE);
  for (const wait of [0, GRACE_MS, IDLE_MS, IDLE_MS]) {
    clock.pass(wait);
    engine.tick();
  }
  erase(ledger, made.erased, clock.now());
  const ids = Object.fromEntries(Object.entries(made).map(([name, { session }]) => [name, session])) as Record<keyof typeof made, string>;
  return { ...ids, approved: approved[0]?.session ?? '', pruned };
}

function erase(ledger: Ledger, { session, traceId }: Author, atMs: number): void {
  ledger.erase(session, { by: 'dpo@example.com', reason: 'request <7>', atMs }, (request) =>
    withoutSession(request, session, new Set([traceId])),
  );
}

/** One action that a human approved. */
function approvedSession(atMs: number): readonly WrittenLink[] {
  const hex = (bytes: number) => randomBytes(bytes).toString('hex');
  const writer = new ChainWriter({ session: hex(16), agent: { id: 'trader', name: 'trader' }, hashing: nodeHashing });
  const traceId = hex(16);
  let now = BigInt(atMs) * 1_000_000n;
  const place = (): Place => ({ traceId, spanId: hex(8), now: (now += 1_000_000n) });
  const tool = { name: 'place_order' };
  const components = { system_prompt: 'a'.repeat(64), tools: 'b'.repeat(64), memory: MEMORIES.first };
  const links = [writer.start({ components, principal: 'ann@example.com', owner: 'desk@example.com' }, place())];
  const intent = writer.intent(
    {
      actionId: 'act_1',
      tool,
      argumentsDigest: 'd'.repeat(64),
      argumentsEncoding: 'json',
      reasonDigest: 'd'.repeat(64),
      reasonSource: 'none',
      decision: 'require_approval',
      rule: 'orders',
    },
    place(),
  );
  const argumentsDigest = String(intent.attributes[ATTR.argumentsDigest]);
  const approval = writer.approval(
    { actionId: 'act_1', approvalId: 'apr_1', decision: 'approved', approver: 'bob@example.com', argumentsDigest },
    place(),
  );
  links.push(intent, approval, writer.outcome({ actionId: 'act_1', tool, status: 'ok' }, place()), writer.end('completed', place()));
  return links;
}
