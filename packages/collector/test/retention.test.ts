import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { DailyRetention, pruneAll } from '../src/handover/retention.js';
import { nodeHashing } from '../src/hashing.js';
import { type Ledger, openSqliteLedger, readSqliteLedger } from '../src/ledger/index.js';
import { prunedDigest } from '../src/ledger/pruned.js';
import { Connection } from '../src/ledger/sqlite/connection.js';
import { judgeLedger } from '../src/verify/ledger-source.js';
import { run } from './command.js';
import { ANYONE, EngineBench, GRACE_MS, IDLE_MS, KeptLog } from './engine-fixtures.js';
import { Author, family, MEMORIES } from './families.js';
import { newFolder, start } from './service-support.js';
import { newId, scannedOf } from './sessions.js';

vi.setConfig({ testTimeout: 60_000 });

const DAY_MS = 86_400_000;

/** What an offline check says of each session, all waits over. */
function verdicts(ledger: Ledger): Record<string, string> {
  const { sessions } = judgeLedger(ledger, { hashing: nodeHashing }, { type: 'rest' });
  return Object.fromEntries(
    sessions.map(({ session, integrity, completeness, findings }) => [
      session,
      [integrity, completeness, ...findings.map(({ code, seq }) => `${code}@${seq}`)].join(' '),
    ]),
  );
}

/** A ledger in which sessions arrive at a time and are judged. */
class Keeper {
  readonly bench = new EngineBench();

  async arrive(...authors: readonly Author[]): Promise<void> {
    for (const { links } of authors) await this.bench.engine.ingest(scannedOf(links), ANYONE);
    this.settle();
  }

  /** Until nothing is awaited any more of what has arrived. */
  settle(): void {
    for (const wait of [0, GRACE_MS, IDLE_MS, IDLE_MS, IDLE_MS, IDLE_MS]) {
      this.bench.clock.pass(wait);
      this.bench.engine.tick();
    }
  }

  /** Prunes what came until now; what arrives later is younger. */
  pruneUntilNow(): number {
    const atMs = this.bench.clock.now();
    let pruned = 0;
    for (;;) {
      const pruning = this.bench.engine.prune(100, { by: 'ann', reason: 'test', atMs, beforeMs: atMs + 1 });
      if (pruning === undefined) return pruned;
      pruned += pruning.sessions;
    }
  }

  later(): void {
    this.bench.clock.pass(DAY_MS);
  }
}

describe('pruning', () => {
  it('removes old sessions with all that is on record of them, and leaves the others as they are', async () => {
    const keeper = new Keeper();
    const old = new Author().act('secret-of-old').end();
    const broken = new Author().act().end();
    await keeper.arrive(old);
    await keeper.bench.engine.ingest(scannedOf(broken.links.filter(({ seq }) => seq !== 2)), ANYONE);
    keeper.settle();
    keeper.later();
    const young = new Author().act().end();
    await keeper.arrive(young);
    const { ledger, engine } = keeper.bench;
    const cut = keeper.bench.clock.now() - DAY_MS / 2;
    const pruning = engine.prune(100, { by: 'ann', reason: 'test', atMs: 1, beforeMs: cut });
    expect(pruning).toMatchObject({ type: 'pruning', by: 'ann', sessions: 2, links: 7, findings: 1 });
    expect([...ledger.allLinks()].map(({ session }) => session)).toEqual(young.links.map(() => young.session));
    expect(ledger.findings(broken.session)).toEqual([]);
    expect(verdicts(ledger)).toEqual({ [young.session]: 'intact complete' });
    expect(engine.verdictCounts().filter(({ sessions }) => sessions > 0)).toEqual([
      { integrity: 'intact', completeness: 'complete', authority: 'unknown', sessions: 1 },
    ]);
    expect(engine.report(old.session)).toBeUndefined();
    await keeper.bench.close();
  });

  it('is on record: when, by whom, and a digest over the ids and ends of the sessions, in a chain that shows what is taken out', async () => {
    const keeper = new Keeper();
    const [first, second] = [new Author().act().end(), new Author().end()];
    await keeper.arrive(first);
    keeper.pruneUntilNow();
    await keeper.arrive(second);
    keeper.pruneUntilNow();
    const { ledger } = keeper.bench;
    const [one, two] = ledger.dispositions();
    expect([one?.sound, two?.sound]).toEqual([true, true]);
    const expected = { session: first.session, highestSeq: 4, links: 4, endHash: first.last.hash };
    expect(ledger.prunedBy(one?.entry?.id ?? 0)).toEqual([{ ...expected, disposition: one?.entry?.id }]);
    expect(one?.entry).toMatchObject({ by: 'ann', reason: 'test', sessions: 1, digest: prunedDigest([expected]) });
    expect(ledger.prunedSession(second.session)?.endHash).toBe(second.last.hash);
    await keeper.bench.close();
  });

  it.each(['changed', 'removed'])('a record of removals whose entry was %s is not sound', async (what) => {
    const path = join(mkdtempSync(join(tmpdir(), 'custody-prune-')), 'ledger.db');
    const ledger = openSqliteLedger(path);
    for (const atMs of [1, 2, 3]) ledger.prune([], { by: 'ann', reason: 'test', atMs, beforeMs: 0 });
    ledger.close();
    const connection = new Connection(path);
    connection.execute(
      what === 'removed'
        ? 'DELETE FROM dispositions WHERE id = 2'
        : `UPDATE dispositions SET record = replace(record, '"ann"', '"bob"') WHERE id = 2`,
    );
    connection.close();
    const reader = readSqliteLedger(path);
    expect(reader.dispositions().every(({ sound }) => sound)).toBe(false);
    reader.close();
    const { status, stderr } = await run(['verify', '--ledger', path]);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('the record of removals was changed') });
  });

  it('a session that time may still say something about is not taken, however old', async () => {
    const keeper = new Keeper();
    await keeper.bench.engine.ingest(scannedOf(new Author().act().links), ANYONE);
    keeper.bench.engine.tick();
    expect(keeper.pruneUntilNow()).toBe(0);
    keeper.settle();
    expect(keeper.pruneUntilNow()).toBe(1);
    await keeper.bench.close();
  });

  it('what comes again of a pruned session is a duplicate, what goes beyond it is news', async () => {
    const keeper = new Keeper();
    const author = new Author().act();
    await keeper.arrive(author);
    keeper.pruneUntilNow();
    await keeper.arrive(author);
    expect(keeper.bench.engine.report(author.session)).toBeUndefined();
    expect(keeper.bench.metrics.duplicates).toBe(author.links.length);
    author.act().end();
    await keeper.arrive(author);
    expect(keeper.bench.codes(author.session)).toContain('missing_start@1');
    await keeper.bench.close();
  });

  it('in the running collector takes no more than a batch at a time, once a day', async () => {
    const keeper = new Keeper();
    await keeper.arrive(...Array.from({ length: 120 }, () => new Author().end()));
    const log = new KeptLog();
    const now = () => keeper.bench.clock.now() + 200 * DAY_MS;
    const daily = new DailyRetention({ engine: keeper.bench.engine, log, days: 180, now });
    const left = () => [...keeper.bench.ledger.sessionsPage({ limit: 1000 }).items].length;
    const seen = [1, 2, 3, 4].map(() => {
      daily.tick();
      return left();
    });
    expect(seen).toEqual([20, 0, 0, 0]);
    await keeper.arrive(new Author().end());
    daily.tick();
    expect(left()).toBe(1);
    keeper.later();
    daily.tick();
    expect(left()).toBe(0);
    expect(log.lines.map(({ fields }) => fields)).toMatchObject([{ sessions: 100 }, { sessions: 20 }, { sessions: 1 }]);
    await keeper.bench.close();
  });
});

it('a collector with --retain-days prunes what is old when it starts, and says what it did', async () => {
  const path = join(newFolder(), 'ledger.db');
  const bench = new EngineBench();
  bench.ledger.close();
  bench.ledger = openSqliteLedger(path);
  const long = { now: () => 1_700_000_000_000, monotonic: () => bench.clock.monotonic() };
  bench.engine = bench.open({ forwarder: undefined, clock: long });
  const author = new Author().act().end();
  await bench.engine.ingest(scannedOf(author.links), ANYONE);
  bench.clock.pass(IDLE_MS);
  bench.engine.tick();
  await bench.close();
  const collector = await start({ ledger: path, retainDays: 180 });
  collector.tick();
  expect(collector.report(author.session)).toBeUndefined();
  const reader = readSqliteLedger(path);
  expect(reader.dispositions().map(({ entry }) => entry?.by)).toEqual(['collector']);
  expect(reader.runs()).toHaveLength(1);
  reader.close();
  await collector.close();
  const after = readSqliteLedger(path);
  expect(after.runs()).toMatchObject([{ stopped: true }]);
  after.close();
});

describe('what a pruning leaves is judged as before', () => {
  /** Prunes the first, keeps the second; then everything is judged anew: offline, and by a collector that starts on the ledger. */
  async function judgedAfter(gone: readonly Author[], kept: readonly Author[]): Promise<Record<string, string>> {
    const keeper = new Keeper();
    await keeper.arrive(...gone);
    const cut = keeper.bench.clock.now() + 1;
    keeper.later();
    await keeper.arrive(...kept);
    const before = verdicts(keeper.bench.ledger);
    const act = { by: 'ann', reason: 'test', atMs: cut, beforeMs: cut };
    expect(pruneAll(keeper.bench.ledger, act).sessions).toBe(gone.length);
    await keeper.bench.engine.close();
    keeper.bench.engine = keeper.bench.open();
    // A late copy makes the collector load and fold each session again.
    for (const { links } of kept) await keeper.bench.engine.ingest(scannedOf(links), ANYONE);
    keeper.settle();
    const after = verdicts(keeper.bench.ledger);
    const expected = Object.fromEntries(Object.entries(before).filter(([session]) => kept.some((author) => author.session === session)));
    expect(after).toEqual(expected);
    await keeper.bench.close();
    return after;
  }

  it('the child of a pruned parent is no orphan', async () => {
    const { parent, child } = family();
    expect(await judgedAfter([parent], [child])).toEqual({ [child.session]: 'intact complete' });
  });

  it('the parent of a pruned child misses none', async () => {
    const { parent, child } = family();
    expect(await judgedAfter([child], [parent])).toEqual({ [parent.session]: 'intact complete' });
  });

  it('a child that was an orphan stays one', async () => {
    const parent = new Author().act();
    const child = new Author({ parent: { session: parent.session, seq: 9, hash: 'e'.repeat(64) } }).end();
    expect(await judgedAfter([parent.end()], [child])).toEqual({ [child.session]: 'intact incomplete orphan_child@1' });
  });

  it('a child that names the wrong hash is still found out', async () => {
    const parent = new Author().act();
    const child = new Author({ parent: { ...parent.position, hash: 'e'.repeat(64) } }).end();
    const after = await judgedAfter([parent.end()], [child]);
    expect(after[child.session]).toBe('broken complete parent_mismatch@1');
  });

  it('a memory that was left as it was found is no drift, one that changed unrecorded still is', async () => {
    const at = (day: number) => ({ store: 'crm', atMs: 1_780_000_000_000 + day * DAY_MS });
    const first = new Author(at(0)).change(MEMORIES.second).end();
    const second = new Author({ ...at(1), memory: MEMORIES.second }).end();
    const third = new Author({ ...at(2), memory: MEMORIES.second }).end();
    const drifted = new Author({ ...at(3), memory: MEMORIES.first }).end();
    const after = await judgedAfter([first], [second, third, drifted]);
    expect(Object.values(after)).toEqual(['intact complete', 'intact complete', 'intact complete memory_drift@1']);
  });

  it('a session that overlapped a pruned one is not blamed for what that one did to the memory', async () => {
    const start = 1_780_000_000_000;
    const long = new Author({ store: 'crm', atMs: start });
    const inner = new Author({ store: 'crm', atMs: start + 500 }).change(MEMORIES.second).end();
    const kept = long.act().end();
    const next = new Author({ store: 'crm', atMs: start + DAY_MS, memory: MEMORIES.second }).end();
    expect(Object.values(await judgedAfter([inner], [kept, next]))).toEqual(['intact complete', 'intact complete']);
  });

  it('a child that comes only after its parent was pruned is no orphan', async () => {
    const keeper = new Keeper();
    const parent = new Author().act();
    const child = new Author({ parent: { ...parent.position, seq: 2, hash: parent.links[1]?.hash ?? '' } }).end();
    await keeper.arrive(parent.end());
    keeper.pruneUntilNow();
    await keeper.arrive(child);
    expect(keeper.bench.codes(child.session)).toEqual([]);
    expect(verdicts(keeper.bench.ledger)).toEqual({ [child.session]: 'intact complete' });
    await keeper.bench.close();
  });

  it('a pruning in the middle of an offline check takes nothing away that the check had counted', async () => {
    const keeper = new Keeper();
    const { parent, child } = family();
    await keeper.arrive(parent);
    const cut = keeper.bench.clock.now() + 1;
    keeper.later();
    await keeper.arrive(child);
    const { ledger } = keeper.bench;
    let pruned = false;
    const interrupted = new Proxy(ledger, {
      get(target, name) {
        if (name === 'allLinks' && !pruned) {
          pruned = true;
          pruneAll(ledger, { by: 'ann', reason: 'test', atMs: cut, beforeMs: cut });
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    expect(verdicts(interrupted)).toEqual({ [child.session]: 'intact complete' });
    expect(pruned).toBe(true);
    await keeper.bench.close();
  });

  it('what was kept for the sake of a session goes with it', async () => {
    const keeper = new Keeper();
    const { parent, child } = family({ store: 'crm' }, { store: 'crm' });
    await keeper.arrive(parent);
    const cut = keeper.bench.clock.now() + 1;
    keeper.later();
    await keeper.arrive(child);
    const { ledger } = keeper.bench;
    const act = { by: 'ann', reason: 'test', atMs: cut };
    pruneAll(ledger, { ...act, beforeMs: cut });
    expect([...ledger.kin()].map(({ session }) => session)).toEqual([parent.session, parent.session]);
    expect([...ledger.kin()].flatMap(({ copies }) => copies.map(({ content }) => content))).toEqual([{}, {}]);
    pruneAll(ledger, { ...act, beforeMs: keeper.bench.clock.now() + 1 });
    expect([...ledger.kin()]).toEqual([]);
    await keeper.bench.close();
  });

  it('of a memory that hundreds of sessions had, one pruned session is kept in mind', async () => {
    const keeper = new Keeper();
    const author = (day: number) => new Author({ store: 'crm', atMs: 1_780_000_000_000 + day * DAY_MS }).end();
    await keeper.arrive(...Array.from({ length: 50 }, (_, day) => author(day)));
    const cut = keeper.bench.clock.now() + 1;
    keeper.later();
    await keeper.arrive(author(60));
    const { ledger } = keeper.bench;
    // The memory rule is having another look at the last of the old ones.
    for (const row of ledger.sessionsPage({ limit: 100 }).items) ledger.saveSession({ ...row, waiting: false });
    pruneAll(ledger, { by: 'ann', reason: 'test', atMs: cut, beforeMs: cut });
    expect([...ledger.kin()]).toHaveLength(1);
    await keeper.bench.close();
  });
});

describe('agent-custody retain', () => {
  const folder = mkdtempSync(join(tmpdir(), 'custody-retain-'));

  function ledgerFile(): { readonly path: string; readonly ledger: Ledger } {
    const path = join(folder, `${newId(8)}.db`);
    return { path, ledger: openSqliteLedger(path) };
  }

  it.each([
    [['--days', '30'], 'add --force'],
    [['--days', 'many'], 'expected a whole number of days'],
    [[], '--days DAYS is missing'],
  ])('refuses %j', async (args, says) => {
    const { path, ledger } = ledgerFile();
    ledger.close();
    const { status, stderr } = await run(['retain', '--ledger', path, ...args]);
    expect({ status, stderr }).toEqual({ status: 64, stderr: expect.stringContaining(says) });
  });

  it('refuses while a collector has the ledger, and says what to do', async () => {
    const { path, ledger } = ledgerFile();
    const { status, stderr } = await run(['retain', '--ledger', path, '--days', '365']);
    ledger.close();
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/a collector has the ledger .* open: stop it/) });
  });

  it('names no ledger into being', async () => {
    const path = join(folder, 'not-there.db');
    expect((await run(['retain', '--ledger', path, '--days', '365'])).status).toBe(64);
    expect(existsSync(path)).toBe(false);
  });

  it('prunes, says what, and puts on record who did it', async () => {
    const { path, ledger } = ledgerFile();
    const bench = new EngineBench();
    bench.ledger.close();
    bench.ledger = ledger;
    // What still waits to be forwarded is not pruned: here nothing is.
    bench.engine = bench.open({ forwarder: undefined, clock: { now: () => 1_700_000_000_000, monotonic: () => bench.clock.monotonic() } });
    const author = new Author().act('a-secret-of-the-pruned').end();
    await bench.engine.ingest(scannedOf(author.links), ANYONE);
    for (const wait of [0, IDLE_MS, IDLE_MS]) {
      bench.clock.pass(wait);
      bench.engine.tick();
    }
    await bench.close();
    const kept = await run(['retain', '--ledger', path, '--days', '3650']);
    expect(kept).toMatchObject({ status: 0, stdout: expect.stringContaining('nothing to prune') });
    const pruned = await run(['retain', '--ledger', path, '--days', '200', '--by', 'ann@example.com']);
    expect(pruned).toMatchObject({ status: 0, stdout: expect.stringMatching(/^pruned 1 session\(s\) with 4 link\(s\)/) });
    const after = readSqliteLedger(path);
    expect(after.dispositions().map(({ entry }) => entry?.by)).toEqual(['ann@example.com']);
    expect(after.prunedSession(author.session)?.endHash).toBe(author.last.hash);
    after.close();
    expect(readFileSync(path).includes('a-secret-of-the-pruned')).toBe(false);
  });
});
