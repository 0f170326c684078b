import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ATTR, type Finding, type LinkCopy, MemoryRecords, readSpan } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import {
  type Ledger,
  LedgerError,
  type LedgerErrorCode,
  openSqliteLedger,
  readSqliteLedger,
  type SessionRow,
} from '../src/ledger/index.js';
import { edited, newId, scannedOf, sessionOf } from './sessions.js';

let directory: string;
let path: string;
let opened: Ledger[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'custody-ledger-'));
  path = join(directory, 'ledger.db');
  opened = [];
});

afterEach(() => {
  for (const ledger of opened) ledger.close();
  rmSync(directory, { recursive: true, force: true });
});

function open(at = path): Ledger {
  const ledger = openSqliteLedger(at);
  opened.push(ledger);
  return ledger;
}

function codeOf(work: () => unknown): LedgerErrorCode | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof LedgerError) return error.code;
    throw error;
  }
}

function copiesOf(spec: Parameters<typeof sessionOf>[0] = {}): LinkCopy[] {
  return scannedOf(sessionOf(spec)).spans.map(({ view }) => {
    const reading = readSpan(view, nodeHashing);
    if (reading.type !== 'link') throw new TypeError(`expected a link, got ${reading.type}`);
    return reading.link;
  });
}

function findingOf(session: string, seq: number, healed = false): Finding {
  return { session, code: 'gap', severity: 'high', seq, detail: `link ${seq} never came`, healed, traceId: newId(16), spanId: newId(8) };
}

function rowOf(session: string): SessionRow {
  return {
    session,
    agent: 'billing-bot',
    agentName: 'Billing bot',
    principal: 'ann@example.com',
    owner: '',
    fingerprint: 'f'.repeat(64),
    highestSeq: 3,
    traceId: newId(16),
    spanId: newId(8),
    links: 3,
    openFindings: 0,
    integrity: 'intact',
    completeness: 'open',
    authority: 'unknown',
    firstSeenMs: 1_790_000_000_000,
    lastSeenMs: 1_790_000_000_001,
    waiting: true,
  };
}

describe('opening', () => {
  test('makes missing directories and the file for its owner alone', () => {
    const deep = join(directory, 'a', 'b', 'ledger.db');
    open(deep).probe();
    expect(statSync(join(directory, 'a')).mode & 0o777).toBe(0o700);
    for (const file of [deep, `${deep}-wal`, `${deep}.lock`]) expect(statSync(file).mode & 0o077, file).toBe(0);
  });

  test('a second time while a collector has it open fails as in_use, from the same process or another', () => {
    open();
    expect(codeOf(() => openSqliteLedger(path))).toBe('in_use');
    const script = `import('${new URL('../dist/ledger/index.js', import.meta.url)}').then((m) => m.openSqliteLedger(process.argv[1])).catch((e) => console.log(e.code, e.message))`;
    const { stdout } = spawnSync(process.execPath, ['-e', script, path], { encoding: 'utf8' });
    expect(stdout).toMatch(/^in_use .*ledger\.db is in use by another collector/);
  });

  test('after the collector that had it was killed just works', async () => {
    const script = `import('${new URL('../dist/ledger/index.js', import.meta.url)}').then((m) => { m.openSqliteLedger(process.argv[1]).probe(); console.log('open'); setInterval(() => {}, 1000); })`;
    const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve));
    expect(codeOf(() => openSqliteLedger(path))).toBe('in_use');
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
    expect(codeOf(() => open().probe())).toBeUndefined();
  });

  test('for reading works beside the collector that writes it, and cannot write', () => {
    const writer = open();
    const [start] = copiesOf();
    if (start !== undefined) writer.transaction(() => writer.keep(start));
    const reader = readSqliteLedger(path);
    opened.push(reader);
    expect([...reader.allLinks()]).toEqual([start]);
    expect(codeOf(() => reader.probe())).toBe('unavailable');
  });

  test('names what is wrong with a path that holds no ledger', () => {
    writeFileSync(path, 'this is no database '.repeat(100));
    expect(codeOf(() => openSqliteLedger(path))).toBe('not_a_ledger');
    const Database = createRequire(import.meta.url)('libsql') as new (path: string) => { exec(sql: string): void };
    const other = join(directory, 'other.db');
    new Database(other).exec('CREATE TABLE somebody_elses (id INTEGER)');
    expect(codeOf(() => openSqliteLedger(other))).toBe('not_a_ledger');
    expect(codeOf(() => openSqliteLedger(directory))).toBe('cannot_open');
    expect(codeOf(() => readSqliteLedger(join(directory, 'nowhere.db')))).toBe('cannot_open');
  });

  test('leaves a ledger of a newer release alone', () => {
    open().close();
    const Database = createRequire(import.meta.url)('libsql') as new (path: string) => { exec(sql: string): void };
    new Database(path).exec('PRAGMA user_version = 99');
    expect(codeOf(() => openSqliteLedger(path))).toBe('newer_version');
    expect(codeOf(() => readSqliteLedger(path))).toBe('newer_version');
  });

  test('leaves a ledger in a layout that was never released alone', () => {
    open().close();
    const Database = createRequire(import.meta.url)('libsql') as new (path: string) => { exec(sql: string): void };
    new Database(path).exec('PRAGMA user_version = 1');
    expect(codeOf(() => openSqliteLedger(path))).toBe('not_a_ledger');
    expect(codeOf(() => readSqliteLedger(path))).toBe('not_a_ledger');
  });

  test('a damaged file is called corrupt as soon as what is damaged is read, and stays as it is', () => {
    const ledger = open();
    ledger.transaction(() => {
      for (const link of copiesOf({ actions: 200 })) ledger.keep(link);
    });
    ledger.close();
    const Database = createRequire(import.meta.url)('libsql') as new (path: string) => { exec(sql: string): void };
    new Database(path).exec('PRAGMA wal_checkpoint(TRUNCATE)');
    const damaged = join(directory, 'damaged.db');
    copyFileSync(path, damaged);
    truncateSync(damaged, 16 * 4096);
    const before = readFileSync(damaged);
    expect(codeOf(() => [...readSqliteLedger(damaged).allLinks()])).toBe('corrupt');
    expect(readFileSync(damaged).equals(before)).toBe(true);
  });

  test('in memory needs no file', () => {
    const ledger = open(':memory:');
    ledger.probe();
    expect(ledger.bytes()).toBeGreaterThan(0);
    expect(existsSync(':memory:')).toBe(false);
  });
});

describe('links', () => {
  test('come back as they were kept, and answer every look-up as MemoryRecords does', () => {
    const ledger = open();
    const memory = new MemoryRecords();
    const parent = copiesOf();
    const [, spawn] = parent;
    const child = copiesOf({ parent: { session: spawn?.session ?? '', seq: 2, hash: spawn?.hash ?? '' } });
    const forged = scannedOf(sessionOf().map(edited)).spans.map(({ view }) => readSpan(view, nodeHashing));
    const copies = [...parent, ...child, ...forged.flatMap((reading) => (reading.type === 'link' ? [reading.link] : []))];
    const shuffled = [...copies].sort((a, b) => (a.hash < b.hash ? -1 : 1));
    for (const link of shuffled) {
      ledger.keep(link);
      memory.keep(link);
    }
    for (const { session, seq, attributes } of copies) {
      const action = attributes[ATTR.actionId];
      expect(ledger.copies(session, seq)).toEqual(memory.copies(session, seq));
      expect([...ledger.links(session, 2)]).toEqual([...memory.links(session, 2)]);
      expect(ledger.childrenOf(session)).toEqual(memory.childrenOf(session));
      expect(ledger.spawnsOf(session)).toEqual(memory.spawnsOf(session));
      if (typeof action === 'string') expect(ledger.action(session, action)).toEqual(memory.action(session, action));
    }
    expect(ledger.childrenOf(spawn?.session ?? '')).toHaveLength(1);
    expect([...ledger.allLinks()]).toEqual(shuffled);
    expect(ledger.copies(newId(16), 1)).toEqual([]);
  });

  test('of a long session come in order, however many', () => {
    const ledger = open();
    const links = copiesOf({ actions: 400 });
    ledger.transaction(() => {
      for (const link of [...links].reverse()) ledger.keep(link);
    });
    expect([...ledger.links(links[0]?.session ?? '', 1)].map(({ seq }) => seq)).toEqual(links.map(({ seq }) => seq));
  });

  test('are found by exactly the id asked for, one that differs after a NUL included', () => {
    const ledger = open();
    const intent = copiesOf()[1];
    const withId = (id: string): LinkCopy => {
      const attributes = { ...intent?.attributes, [ATTR.actionId]: id };
      return {
        ...(intent as LinkCopy),
        attributes,
        preimage: JSON.stringify({ attributes, span_id: intent?.spanId, trace_id: intent?.traceId }),
      };
    };
    ledger.keep(withId('a\0b'));
    ledger.keep(withId('a\0c'));
    expect(ledger.action(intent?.session ?? '', 'a\0b').map(({ attributes }) => attributes[ATTR.actionId])).toEqual(['a\0b']);
    expect(ledger.action(intent?.session ?? '', 'a')).toEqual([]);
  });

  test('are in every look-up of the transaction that takes them, whatever was written before', () => {
    const ledger = open();
    const memory = new MemoryRecords();
    const parent = copiesOf();
    const spawn = { ...(parent[1] as LinkCopy), kind: 'child.spawn' };
    const child = newId(16);
    const { [ATTR.actionId]: _, ...rest } = spawn.attributes;
    const attributes = { ...rest, [ATTR.kind]: 'child.spawn', [ATTR.childSessionId]: child };
    const inSomeOrder = (links: readonly LinkCopy[]) => [...links].sort((a, b) => (a.preimage < b.preimage ? -1 : 1));
    const announced: LinkCopy = {
      ...spawn,
      attributes,
      preimage: JSON.stringify({ attributes, span_id: spawn.spanId, trace_id: spawn.traceId }),
    };
    const born = copiesOf({ id: child, parent: { session: spawn.session, seq: 2, hash: spawn.hash } });
    const links = [...parent, announced, ...born, ...copiesOf({ actions: 40 }).reverse()];
    ledger.transaction(() => {
      for (const link of links) {
        ledger.keep(link);
        memory.keep(link);
        const { session, seq } = link;
        const action = String(link.attributes[ATTR.actionId]);
        expect(ledger.copies(session, seq)).toEqual(memory.copies(session, seq));
        if (seq % 3 === 0) expect([...ledger.links(session, 1)]).toEqual([...memory.links(session, 1)]);
        if (seq % 4 === 0) expect(inSomeOrder(ledger.action(session, action))).toEqual(inSomeOrder(memory.action(session, action)));
        if (seq % 5 === 0) expect(ledger.spawnsOf(child)).toEqual(memory.spawnsOf(child));
        if (seq % 5 === 0) expect(ledger.childrenOf(spawn.session)).toEqual(memory.childrenOf(spawn.session));
      }
    });
    expect([...ledger.allLinks()]).toHaveLength(links.length);
    for (const { session, seq } of links) expect(ledger.copies(session, seq)).toEqual(memory.copies(session, seq));
  });

  test('that share a memory are told by session and time, and only by exactly these names', () => {
    const ledger = open();
    const start = copiesOf()[0] as LinkCopy;
    const sharing = (store: string, time: string): LinkCopy => {
      const attributes = { ...start.attributes, [ATTR.memoryStore]: store, [ATTR.time]: time };
      return { ...start, session: newId(16), time, attributes };
    };
    const [late, early, other] = [sharing('notes\0a', '1790000000000000000'), sharing('notes\0a', '99'), sharing('notes\0b', '100')];
    for (const link of [late, early, other]) ledger.keep(link);
    const told = ({ session, time }: LinkCopy) => ({ session, time });
    expect(ledger.sharers('billing-bot', 'notes\0a')).toEqual([told(early), told(late)]);
    expect(ledger.sharers('billing-bot', 'notes\0b')).toEqual([told(other)]);
    expect(ledger.sharers('billing-bot', 'notes')).toEqual([]);
    expect(ledger.sharers('another-bot', 'notes\0a')).toEqual([]);
  });

  test('keep whatever text they disclose', () => {
    const ledger = open();
    const link = copiesOf()[1] as LinkCopy;
    const content = { [ATTR.reason]: 'tab\t, line\n, nul\0, quote", \u2028 and a lone \ud800' };
    ledger.keep({ ...link, content });
    expect(ledger.copies(link.session, link.seq)).toEqual([{ ...link, content }]);
  });

  test('of a transaction that throws are not on record, though they were seen inside it', () => {
    const ledger = open();
    const [link] = copiesOf();
    if (link === undefined) throw new TypeError('no link');
    const work = () =>
      ledger.transaction(() => {
        ledger.keep(link);
        expect(ledger.copies(link.session, link.seq)).toHaveLength(1);
        throw new RangeError('no');
      });
    expect(work).toThrow(RangeError);
    expect(ledger.copies(link.session, link.seq)).toEqual([]);
    ledger.keep(link);
    expect(ledger.copies(link.session, link.seq)).toHaveLength(1);
  });
});

describe('findings', () => {
  test('are on record once; only whether they are healed changes', () => {
    const ledger = open();
    const finding = findingOf(newId(16), 2);
    expect(ledger.recordFinding(finding, 1_000)).toBe('new');
    expect(ledger.recordFinding({ ...finding, detail: 'said otherwise' }, 2_000)).toBe('known');
    expect(ledger.recordFinding({ ...finding, healed: true }, 3_000)).toBe('changed');
    expect(ledger.recordFinding({ ...finding, healed: true }, 4_000)).toBe('known');
    expect(ledger.findings(finding.session)).toEqual([{ ...finding, healed: true }]);
    expect(ledger.findingsPage({ limit: 10 }).items).toMatchObject([{ reportedAtMs: 1_000 }]);
  });

  test('are paged newest first, and a cursor that no page gave is refused', () => {
    const ledger = open();
    const session = newId(16);
    for (let seq = 1; seq <= 5; seq++) ledger.recordFinding(findingOf(session, seq), seq);
    const first = ledger.findingsPage({ limit: 2 });
    const second = ledger.findingsPage({ limit: 2, cursor: first.next });
    const third = ledger.findingsPage({ limit: 2, cursor: second.next });
    expect([first, second, third].map(({ items }) => items.map(({ seq }) => seq))).toEqual([[5, 4], [3, 2], [1]]);
    expect(third.next).toBeUndefined();
    for (const cursor of ['', '0', '-1', 'x', "1' OR 1=1", '99999999999999999'])
      expect(codeOf(() => ledger.findingsPage({ limit: 2, cursor }))).toBe('bad_cursor');
  });
});

describe('sessions', () => {
  test('come back as they were saved, last', () => {
    const ledger = open();
    const row = rowOf(newId(16));
    ledger.saveSession(row);
    const later = { ...row, links: 4, completeness: 'complete', waiting: false } as const;
    ledger.saveSession(later);
    ledger.saveSession(rowOf(newId(16)));
    expect(ledger.session(row.session)).toEqual(later);
    expect(ledger.sessionsPage({ limit: 10 }).items).toHaveLength(2);
    expect(ledger.waitingSessions()).not.toContain(row.session);
    expect(ledger.verdictCounts()).toContainEqual({ integrity: 'intact', completeness: 'complete', authority: 'unknown', sessions: 1 });
  });
});

test('all of it is there after the ledger was closed and opened again', () => {
  const session = newId(16);
  const ledger = open();
  const links = copiesOf({ id: session });
  ledger.transaction(() => {
    for (const link of links) ledger.keep(link);
    ledger.recordFinding(findingOf(session, 9), 1_000);
    ledger.saveSession(rowOf(session));
    ledger.enqueue(new Uint8Array(10), 1);
    ledger.noteRegisterEntry('entry');
  });
  ledger.close();
  const again = open();
  expect([...again.links(session, 1)]).toEqual(links);
  expect(again.findings(session)).toHaveLength(1);
  expect(again.waitingSessions()).toEqual([session]);
  expect(again.outboxSize().spans).toBe(1);
  expect(again.noteRegisterEntry('entry')).toBe(false);
  expect(again.bytes()).toBeGreaterThan(4096);
});
