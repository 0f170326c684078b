import { readdirSync, readFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { join } from 'node:path';
import type { FindingCode } from '@agent-custody/chain';
import { readSqliteLedger } from '../packages/collector/src/ledger/index.js';
import { TempoStandIn } from '../packages/collector/test/tempo-stand-in.js';
import { generator } from './agents/roamer-plan.mjs';
import { Hop } from './hop.js';
import { runCommand, startClerk } from './processes.js';
import { type AgentRun, work } from './soak-agents.js';
import { AgentBook } from './soak-book.js';
import { PhoenixCollector } from './soak-collector.js';
import { TempoBook } from './soak-tempo.js';

export interface SoakOptions {
  readonly folder: string;
  readonly seed: number;
  /** Places of work: agents side by side. */
  readonly slots: readonly string[];
  /** Whether a place that has had so many processes gets another one. */
  readonly go: (processes: number) => boolean;
  /** Most requests between two deaths of the collector. */
  readonly deadlyAfter: number;
}

export interface SessionFinding {
  readonly session: string;
  readonly code: FindingCode;
  readonly seq: number;
  readonly healed: boolean;
}

export interface Judged {
  readonly session: string;
  readonly integrity: string;
  readonly completeness: string;
  readonly authority: string;
  readonly findings: readonly Omit<SessionFinding, 'session'>[];
}

/** What there was to see afterwards. */
export interface Soaked {
  readonly runs: readonly AgentRun[];
  readonly kills: number;
  readonly agents: AgentBook;
  readonly tempo: TempoBook;
  /** Sessions and hashes of links. */
  readonly ledger: ReadonlySet<string>;
  /** Everything that the collector found while it ran. */
  readonly found: readonly SessionFinding[];
  /** Every session at rest. */
  readonly atRest: readonly Judged[];
  /** Tasks of tools that ran, with the owner of the process. */
  readonly journal: readonly string[];
}

export async function soak({ folder, seed, slots, go, deadlyAfter }: SoakOptions): Promise<Soaked> {
  const random = generator(seed);
  const standIn = new TempoStandIn();
  const agents = new AgentBook();
  const tempo = new TempoBook(standIn);
  const hop = new Hop();
  hop.acknowledged = (spans) => agents.note(spans);
  const ledger = join(folder, 'ledger.db');
  // Longer than a lease: what a killed process knew is there before anyone is judged without it.
  const limits = ['--gap-grace', '3', '--session-idle', '25'];
  const collector = new PhoenixCollector(['--ledger', ledger, '--tempo', await standIn.listen(), ...limits], hop, standIn, tempo);
  const endpoint = await hop.listen();
  await collector.start();

  const ending = new AbortController();
  const places = Promise.all(slots.map((slot) => work(slot, { endpoint, folder, seed }, go))).finally(() => ending.abort());
  while (!ending.signal.aborted) {
    await Promise.race([hop.after(1 + Math.floor(random() * deadlyAfter)), places]);
    if (!ending.signal.aborted) await collector.killAndRestart();
  }
  const runs = (await places).flat();

  collector.mood(undefined);
  await sweep(endpoint, join(folder, 'spool'));
  await standIn.until(() => tempo.missing(agents.spans).length === 0);
  const found = await findingsOf(collector.url);
  await collector.stop();
  await Promise.all([hop.close(), standIn.close()]);
  const { stdout } = await runCommand(['verify', '--ledger', ledger, '--at-rest', '--json']);
  const journal = readFileSync(join(folder, 'journal'), 'utf8').trim().split('\n');
  return { runs, kills: collector.kills, agents, tempo, ledger: hashesIn(ledger), found, atRest: JSON.parse(stdout) as Judged[], journal };
}

/** Has everything delivered that the dead left in the spool. */
async function sweep(endpoint: string, spool: string): Promise<void> {
  const changes = watch(spool);
  const heir = startClerk('stay', {
    CUSTODY_ENDPOINT: endpoint,
    CUSTODY_SPOOL: spool,
    OTEL_TRACES_EXPORTER: 'none',
    CUSTODY_OWNER: 'heir',
  });
  await heir.line(/evidence to/);
  const left = (): number => readdirSync(spool).filter((name) => name.endsWith('.spool')).length;
  if (left() > 1) for await (const _ of changes) if (left() <= 1) break;
  heir.tell('enough');
  await heir.closed;
}

async function findingsOf(url: string): Promise<SessionFinding[]> {
  const found: SessionFinding[] = [];
  for (let cursor = ''; ; ) {
    const response = await fetch(`${url}/api/v1/findings?limit=1000${cursor}`);
    const page = (await response.json()) as { findings: SessionFinding[]; next: string | null };
    found.push(...page.findings);
    if (page.next === null) return found;
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
}

function hashesIn(path: string): Set<string> {
  const ledger = readSqliteLedger(path);
  const hashes = new Set([...ledger.allLinks()].map(({ session, hash }) => `${session} ${hash}`));
  ledger.close();
  return hashes;
}
