import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spansOfJson } from '@agent-custody/chain/otlp';
import { describe, expect, it, vi } from 'vitest';
import { gatherFromLedger } from '../src/handover/gather.js';
import { judgeFile } from '../src/handover/judge-file.js';
import { pruneAll } from '../src/handover/retention.js';
import { bundleText } from '../src/handover/write-bundle.js';
import { nodeHashing } from '../src/hashing.js';
import { openSqliteLedger, readSqliteLedger } from '../src/ledger/index.js';
import type { SessionJson } from '../src/report-json.js';
import { openFile } from '../src/verify/file-source.js';
import { reportsOf } from '../src/verify/judge.js';
import { EXIT, exitStatus } from '../src/verify/status.js';
import { run } from './command.js';
import { ANYONE, EngineBench, GRACE_MS, IDLE_MS } from './engine-fixtures.js';
import { Author, family } from './families.js';
import { newFolder, start } from './service-support.js';
import { bodyOf, edited, newId, recordOf, scannedOf } from './sessions.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'custody-export-'));

/** A ledger in a file with these sessions, judged. */
async function ledgerOf(...sessions: readonly (readonly Author['last'][])[]): Promise<string> {
  const path = join(folder, `${newId(8)}.db`);
  const bench = new EngineBench();
  bench.ledger.close();
  bench.ledger = openSqliteLedger(path);
  bench.engine = bench.open({ forwarder: undefined });
  for (const links of sessions) await bench.engine.ingest(scannedOf(links), ANYONE);
  for (const wait of [0, GRACE_MS, IDLE_MS, IDLE_MS]) {
    bench.clock.pass(wait);
    bench.engine.tick();
  }
  await bench.close();
  return path;
}

/** The command as it is installed, to where nothing else is. */
async function exported(path: string, session: string, ...more: readonly string[]): Promise<string> {
  const out = join(folder, `${newId(8)}.jsonl`);
  const { status, stderr } = await run(['export', '--ledger', path, '--session', session, '--out', out, ...more]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return out;
}

/** The same in this process: a command takes a second to start. */
function bundleOf(path: string, session: string): string {
  const ledger = readSqliteLedger(path);
  const gathered = gatherFromLedger(ledger, session, nodeHashing);
  ledger.close();
  if (gathered === undefined) throw new TypeError('nothing of it is on record');
  const out = join(folder, `${newId(8)}.jsonl`);
  writeFileSync(out, bundleText({ ...gathered, register: undefined, atMs: 1, collectorVersion: '0.1.0' }));
  return out;
}

function line(
  report: Pick<SessionJson, 'integrity' | 'completeness' | 'authority'> & { readonly findings: readonly { code: string; seq: number }[] },
): string {
  const { integrity, completeness, authority, findings } = report;
  return [integrity, completeness, authority, ...findings.map(({ code, seq }) => `${code}@${seq}`)].join(' ');
}

interface Verified {
  readonly status: number | null;
  readonly said: readonly string[];
}

async function verifiedByCommand(file: string, ...more: readonly string[]): Promise<Verified> {
  const { status, stdout } = await run(['verify', '--file', file, '--json', ...more]);
  return { status, said: (JSON.parse(stdout) as SessionJson[]).map(line) };
}

async function verified(file: string): Promise<Verified> {
  const { judgement } = await judgeFile(openFile(file), { hashing: nodeHashing });
  const reports = reportsOf(judgement);
  return { status: exitStatus(reports, { atRest: false, whole: true }), said: reports.map(line) };
}

interface Manifest {
  readonly readme: readonly string[];
  readonly report: SessionJson;
  readonly versions: object;
  readonly register: { readonly entries: readonly { readonly agent: string }[] } | null;
}
const linesIn = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');
const manifestIn = (file: string): Manifest =>
  (JSON.parse(linesIn(file)[0] ?? '') as { custodyBundle: { manifest: Manifest } }).custodyBundle.manifest;

function changed(file: string, change: (lines: string[]) => readonly string[]): string {
  const path = join(folder, `${newId(8)}.jsonl`);
  writeFileSync(path, `${change(linesIn(file)).join('\n')}\n`);
  return path;
}

describe('a bundle', () => {
  it('is verified where nothing else is, as its ledger is', async () => {
    const author = new Author().act('to-whom').end();
    const path = await ledgerOf(author.links);
    const file = await exported(path, author.session);
    rmSync(path);
    expect(await verifiedByCommand(file)).toEqual({ status: 0, said: ['intact complete unknown'] });
  });

  it('is OTLP/JSON to everybody else: a link a line, with all that it disclosed', async () => {
    const author = new Author().act('to-whom').end();
    const file = bundleOf(await ledgerOf(author.links), author.session);
    const spans = linesIn(file).flatMap((line) => spansOfJson(JSON.parse(line)));
    expect(spans.map(({ spanId }) => spanId)).toEqual(author.links.map(({ spanId }) => spanId));
    expect(Object.fromEntries(spans[1]?.attributes ?? [])).toEqual(author.links[1]?.attributes);
  });

  it('says what it is and how to check it, and is for its owner’s eyes alone', async () => {
    const author = new Author().end();
    const file = await exported(await ledgerOf(author.links), author.session);
    expect(manifestIn(file).readme.join('\n')).toContain('npx @agent-custody/collector verify --file FILE');
    expect(manifestIn(file).versions).toEqual({ collector: expect.stringMatching(/^\d+\.\d+\.\d+/), format: 1 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each(['parent', 'child'] as const)('holds what is looked up of others: the %s alone is judged as with its family', async (which) => {
    const both = family();
    const path = await ledgerOf(both.parent.links, both.child.links);
    const file = bundleOf(path, both[which].session);
    expect(await verified(file)).toEqual({ status: 0, said: ['intact complete unknown'] });
    // Of the others nothing is handed over that they disclosed.
    const other = both[which === 'parent' ? 'child' : 'parent'];
    const salts = other.links.flatMap(({ attributes }) =>
      Object.keys(attributes).flatMap((key) => (key.includes('salt') ? [String(attributes[key])] : [])),
    );
    expect(salts.filter((value) => readFileSync(file, 'utf8').includes(value))).toEqual([]);
  });

  it('of a child whose parent was pruned is judged as in the ledger', async () => {
    const { parent, child } = family();
    const path = await ledgerOf(parent.links);
    const ledger = openSqliteLedger(path);
    pruneAll(ledger, { by: 'ann', reason: 'test', atMs: 1, beforeMs: 4_000_000_000_000 });
    ledger.close();
    const bench = new EngineBench();
    bench.ledger.close();
    bench.ledger = openSqliteLedger(path);
    bench.engine = bench.open({ forwarder: undefined });
    await bench.engine.ingest(scannedOf(child.links), ANYONE);
    bench.engine.tick();
    await bench.close();
    expect(await verified(bundleOf(path, child.session))).toEqual({ status: 0, said: ['intact complete unknown'] });
  });

  it('carries what was found when it was recorded, also what its links do not show', async () => {
    const author = new Author().act().act().end();
    const path = join(folder, `${newId(8)}.db`);
    const bench = new EngineBench();
    bench.ledger.close();
    bench.ledger = openSqliteLedger(path);
    bench.engine = bench.open({ forwarder: undefined });
    await bench.engine.ingest(scannedOf(author.links.filter(({ seq }) => seq !== 2 && seq !== 3)), ANYONE);
    bench.clock.pass(GRACE_MS);
    bench.engine.tick();
    await bench.engine.ingest(scannedOf(author.links.filter(({ seq }) => seq === 2 || seq === 3)), ANYONE);
    bench.engine.tick();
    await bench.close();
    const file = bundleOf(path, author.session);
    expect(manifestIn(file).report.findings.map(({ code, healed }) => `${code} ${healed}`)).toEqual(['gap true', 'late false']);
    expect(await verified(file)).toEqual({ status: 0, said: ['intact complete unknown gap@2 late@2'] });
  });

  it('is judged by the register’s entries in it, or by the reader’s own', async () => {
    const author = new Author().act().end();
    const entry = {
      agent: 'billing-bot',
      components: { system_prompt: 'a'.repeat(64) },
      by: 'bob@example.com',
      ticket: 'CHG-1',
      from: '2020-01-01T00:00:00Z',
      until: null,
      withdrawn: null,
    };
    const register = join(folder, `${newId(8)}.json`);
    writeFileSync(register, JSON.stringify({ version: 1, entries: [entry, { ...entry, agent: 'another' }] }));
    const stricter = join(folder, `${newId(8)}.json`);
    writeFileSync(stricter, JSON.stringify({ version: 1, entries: [{ ...entry, components: { tools: 'c'.repeat(64) } }] }));
    const file = await exported(await ledgerOf(author.links), author.session, '--register', register);
    expect(manifestIn(file).register?.entries.map(({ agent }) => agent)).toEqual(['billing-bot']);
    expect(await verified(file)).toEqual({ status: 0, said: ['intact complete approved'] });
    expect(await verifiedByCommand(file, '--register', stricter)).toMatchObject({ status: 3 });
  });
});

describe('a bundle that was tampered with is found out', () => {
  const author = new Author().act('to-whom').act('to-whom-else').end();
  const ready = ledgerOf(author.links).then((path) => bundleOf(path, author.session));

  it.each([
    [
      'a covered value',
      (lines: string[]) => lines.map((line, index) => (index === 2 ? line.replaceAll('send_email', 'wire_money') : line)),
      'content_mismatch@2',
    ],
    [
      'what was disclosed',
      (lines: string[]) => lines.map((line) => line.replace('because of to-whom"', 'because of nobody"')),
      'disclosure_mismatch@2',
    ],
    ['a link in the middle', (lines: string[]) => lines.filter((_, index) => index !== 3), 'gap@3'],
    ['the tail', (lines: string[]) => lines.slice(0, -1), 'count_mismatch@6'],
    ['all links', (lines: string[]) => lines.slice(0, 1), 'count_mismatch@6'],
    [
      'a finding',
      (lines: string[]) =>
        lines.map((line) =>
          line.replace(
            '"findings":[]',
            '"findings":[{"code":"late","severity":"info","seq":1,"detail":"","healed":false,"trace_id":"","span_id":""}]',
          ),
        ),
      'malformed@6',
    ],
    [
      'the verdict',
      (lines: string[]) => lines.map((line) => line.replace('"authority":"unknown"', '"authority":"approved"')),
      'malformed@6',
    ],
    ['the order of lines', (lines: string[]) => [...lines.slice(0, 1), ...lines.slice(1).reverse()], 'malformed@6'],
    ['a line more', (lines: string[]) => [...lines, lines.at(-1) ?? ''], 'malformed@6'],
  ])('%s', async (_what, change, code) => {
    const { status, said } = await verified(changed(await ready, change));
    expect(said.join()).toContain(code);
    // Whatever it was, the digest over the lines says that something is not as it was written.
    expect(status).toBe(EXIT.broken);
  });

  it('the manifest, as the command says', async () => {
    const { status, stdout } = await run(['verify', '--file', changed(await ready, (lines) => lines.slice(1))]);
    expect(stdout).toContain('its first line was removed');
    expect(status).toBe(1);
  });

  it('and one that was not is not, beside another and beside plain requests', async () => {
    const other = new Author().act().end();
    const second = bundleOf(await ledgerOf(other.links), other.session);
    const both = changed(await ready, (lines) => [...lines, ...linesIn(second)]);
    expect(await verified(both)).toEqual({ status: 0, said: ['intact complete unknown', 'intact complete unknown'] });
  });
});

describe('agent-custody export', () => {
  it('reads from a running collector what it reads from a ledger', async () => {
    const ledger = join(newFolder(), 'ledger.db');
    const collector = await start({ ledger });
    const { parent, child } = family();
    const broken = child.links.map((link) => (link.seq === 2 ? edited(link) : link));
    for (const links of [parent.links, broken]) {
      const body = new Uint8Array(bodyOf(links.map(recordOf)));
      await fetch(`${collector.url}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body });
    }
    collector.tick();
    const out = join(folder, `${newId(8)}.jsonl`);
    const { status, stdout } = await run(['export', '--collector', collector.url, '--session', child.session, '--out', out]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^session [0-9a-f]{32}: 4 links, broken, complete/) });
    const fromLedger = bundleOf(ledger, child.session);
    expect(linesIn(out).slice(1)).toEqual(linesIn(fromLedger).slice(1));
    expect(manifestIn(out).report).toEqual(manifestIn(fromLedger).report);
    expect((await verified(out)).said).toEqual(['broken complete unknown content_mismatch@2']);
  });

  it('refuses what it cannot do, and overwrites nothing', async () => {
    const author = new Author().end();
    const path = await ledgerOf(author.links);
    const there = bundleOf(path, author.session);
    const attempts = [
      ['--session', author.session, '--out', there],
      ['--session', author.session],
      ['--session', 'x', '--out', 'y'],
      ['--session', newId(16), '--out', join(folder, 'none.jsonl')],
    ];
    const ended = [];
    for (const args of attempts) ended.push((await run(['export', '--ledger', path, ...args])).status);
    expect(ended).toEqual([64, 64, 64, 2]);
    const ledger = openSqliteLedger(path);
    pruneAll(ledger, { by: 'ann', reason: 'test', atMs: 1, beforeMs: 4_000_000_000_000 });
    ledger.close();
    const gone = await run(['export', '--ledger', path, '--session', author.session, '--out', join(folder, 'gone.jsonl')]);
    expect(gone).toMatchObject({ status: 2, stderr: expect.stringContaining('was pruned (pruning 1)') });
    expect(await verified(there)).toMatchObject({ status: 0 });
  });
});
