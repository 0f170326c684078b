import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ATTR, type WrittenLink } from '@agent-custody/chain';
import Database from 'libsql';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { readSqliteLedger } from '../src/ledger/index.js';
import { startCollector } from '../src/service.js';
import { type AsOf, judgeLedger } from '../src/verify/ledger-source.js';
import { edited, recordSession, send } from './recorded-session.js';
import { type StoredLine, tamperWithLinks } from './tampering.js';

/** A ledger that a collector wrote, closed again. */
async function ledgerOf(...sessions: readonly (readonly WrittenLink[])[]): Promise<string> {
  const path = join(mkdtempSync(join(tmpdir(), 'custody-ledger-')), 'ledger.db');
  const collector = await startCollector({
    listen: { host: '127.0.0.1', port: 0 },
    ledger: path,
    log: pino({ level: 'silent' }),
    gapGraceMs: 0,
  });
  for (const links of sessions) await send(collector.url, links);
  collector.tick();
  await collector.close();
  return path;
}

function tamper(path: string, sql: string, ...values: (string | number)[]): void {
  const database = new Database(path);
  expect(database.prepare(sql).run(values).changes).toBeGreaterThan(0);
  database.close();
}

function tamperAt(path: string, seq: number, edit: (line: Readonly<StoredLine>) => Partial<StoredLine>): void {
  expect(tamperWithLinks(path, (line) => (line.seq === String(seq) ? edit(line) : undefined))).toBe(1);
}

function verify(path: string, asOf: AsOf = { type: 'rest' }, limits = {}) {
  const ledger = readSqliteLedger(path);
  try {
    return judgeLedger(ledger, { hashing: nodeHashing, limits }, asOf).sessions.map(
      ({ session, integrity, completeness, authority, findings }) => ({
        session,
        integrity,
        completeness,
        authority,
        findings: findings.filter(({ healed }) => !healed).map(({ code, seq }) => `${code} ${seq}`),
      }),
    );
  } finally {
    ledger.close();
  }
}

const id = (links: readonly WrittenLink[]) => links[0]?.session ?? '';

describe('a ledger that nobody touched', () => {
  it('is judged as the collector judged it', async () => {
    const [clean, broken, deviated] = [recordSession(), recordSession(), recordSession({ runDenied: true, actions: 1 })];
    const path = await ledgerOf(
      clean,
      broken.map((link) => (link.seq === 2 ? edited(link) : link)),
      deviated,
    );
    expect(verify(path)).toEqual([
      { session: id(clean), integrity: 'intact', completeness: 'complete', authority: 'unknown', findings: [] },
      { session: id(broken), integrity: 'broken', completeness: 'complete', authority: 'unknown', findings: ['content_mismatch 2'] },
      { session: id(deviated), integrity: 'intact', completeness: 'complete', authority: 'deviated', findings: ['executed_after_deny 3'] },
    ]);
  });

  it('shows what time has brought as the collector put it on record, and at rest all that time can bring', async () => {
    const open = recordSession({ end: false });
    const gap = recordSession();
    const path = await ledgerOf(
      open,
      gap.filter(({ seq }) => seq !== 3),
    );
    expect(verify(path, { type: 'recorded' })).toMatchObject([
      { completeness: 'open', findings: [] },
      { completeness: 'incomplete', findings: ['unfinished_action 2', 'gap 3'] },
    ]);
    expect(verify(path)).toMatchObject([{ completeness: 'incomplete', findings: ['unclosed 5'] }, { completeness: 'incomplete' }]);
  });

  it("judges by a caller's own limits from each session's last link", async () => {
    const path = await ledgerOf(recordSession({ end: false }));
    const nowMs = Date.now();
    expect(verify(path, { type: 'now', nowMs }, { sessionIdleMs: 3_600_000 })).toMatchObject([{ completeness: 'open' }]);
    expect(verify(path, { type: 'now', nowMs: nowMs + 10_000 }, { sessionIdleMs: 5_000 })).toMatchObject([{ findings: ['unclosed 5'] }]);
  });

  it('keeps findings of spans that are no links, which it has no copy of', async () => {
    const links = recordSession({ actions: 0 });
    const malformed = { ...(links[1] as WrittenLink), attributes: { ...links[1]?.attributes, [ATTR.time]: 'yesterday' } };
    expect(verify(await ledgerOf([links[0] as WrittenLink, malformed]))).toMatchObject([
      { integrity: 'broken', findings: expect.arrayContaining(['malformed 2']) },
    ]);
  });
});

describe('a ledger that somebody edited', () => {
  it('a covered value', async () => {
    const path = await ledgerOf(recordSession());
    tamperAt(path, 2, ({ preimage }) => ({ preimage: preimage.replace('send_email', 'wire_money') }));
    expect(verify(path)).toMatchObject([{ integrity: 'broken', findings: expect.arrayContaining(['content_mismatch 2']) }]);
  });

  it('a covered value and its hash', async () => {
    const path = await ledgerOf(recordSession());
    tamperAt(path, 2, (line) => {
      const preimage = line.preimage.replace('send_email', 'wire_money');
      return { preimage, hash: nodeHashing.sha256(`agent-custody/v1/link\n${preimage}`) };
    });
    expect(verify(path)).toMatchObject([{ integrity: 'broken', findings: expect.arrayContaining(['broken_link 3']) }]);
  });

  it('whatever it says about itself: that it recomputes, that it is linked, that nothing was found', async () => {
    const links = recordSession();
    const path = await ledgerOf(links.map((link) => (link.seq === 2 ? edited(link) : link)));
    tamperAt(path, 2, () => ({ recomputes: '1' }));
    tamper(path, 'DELETE FROM findings');
    tamper(path, `UPDATE sessions SET integrity = 'intact'`);
    expect(verify(path)).toMatchObject([{ integrity: 'broken', findings: ['content_mismatch 2'] }]);
  });

  it('by marking a finding as healed', async () => {
    const links = recordSession();
    const path = await ledgerOf(links.filter(({ seq }) => seq !== 3));
    tamper(path, 'UPDATE findings SET healed = 1');
    expect(verify(path)).toMatchObject([{ completeness: 'incomplete', findings: expect.arrayContaining(['gap 3']) }]);
  });

  it('by moving a link to another place', async () => {
    const path = await ledgerOf(recordSession());
    tamperAt(path, 2, () => ({ seq: '77' }));
    expect(verify(path)).toMatchObject([{ integrity: 'broken', findings: expect.arrayContaining(['malformed 77']) }]);
  });

  it('by cutting off the end of an open session', async () => {
    const path = await ledgerOf(recordSession({ end: false }));
    expect(tamperWithLinks(path, ({ seq }) => (Number(seq) > 3 ? 'remove' : undefined))).toBe(2);
    expect(verify(path, { type: 'recorded' })).toMatchObject([{ integrity: 'broken', findings: ['count_mismatch 5'] }]);
  });

  it('by removing every link of a session', async () => {
    const links = recordSession();
    const path = await ledgerOf(links);
    tamper(path, 'DELETE FROM segments');
    expect(verify(path)).toMatchObject([{ session: id(links), integrity: 'broken', findings: ['count_mismatch 6'] }]);
  });

  it('the form of a preimage, which hashes the same once parsed', async () => {
    const path = await ledgerOf(recordSession());
    tamperAt(path, 2, ({ preimage }) => ({ preimage: `${preimage} ` }));
    expect(verify(path)).toMatchObject([{ integrity: 'broken', findings: expect.arrayContaining(['malformed 2']) }]);
  });
});
