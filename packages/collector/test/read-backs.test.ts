import { afterEach, describe, expect, it } from 'vitest';
import { openSqliteLedger } from '../src/ledger/index.js';

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

const ROW = {
  agent: 'billing-bot',
  agentName: 'billing-bot',
  principal: '',
  owner: '',
  fingerprint: '',
  highestSeq: 1,
  traceId: '',
  spanId: '',
  links: 1,
  openFindings: 0,
  integrity: 'intact',
  completeness: 'complete',
  authority: 'unknown',
  firstSeenMs: 1,
  lastSeenMs: 1,
  waiting: false,
} as const;

describe('a ledger and its sessions to be read back', () => {
  it('is due a while after its last link, and at the latest a few times that after the first one that was not read back', () => {
    const ledger = openSqliteLedger(':memory:');
    opened.push(ledger);
    const { readBacks } = ledger;
    readBacks.begin('a', 1, 1_000);
    const at = (nowMs: number) => ({ nowMs, dueMs: nowMs + 1_000, patienceMs: 6_000 });
    for (let links = 2; links <= 9; links++) readBacks.more('a', { before: links - 1, links }, at((links - 2) * 1_000 + 500));
    expect(readBacks.next()).toEqual({ session: 'a', links: 9, dueMs: 6_500, looks: 0 });
    readBacks.more('never begun', { before: 2, links: 3 }, { nowMs: 1, dueMs: 2, patienceMs: 6_000 });
    expect(readBacks.next()?.session).toBe('a');
    readBacks.rest('a');
    readBacks.more('a', { before: 9, links: 10 }, { nowMs: 9_000, dueMs: 10_000, patienceMs: 6_000 });
    expect(readBacks.next()).toEqual({ session: 'a', links: 10, dueMs: 10_000, looks: 0 });
  });

  it('is not read back any more when links came that were not noted', () => {
    const ledger = openSqliteLedger(':memory:');
    opened.push(ledger);
    const { readBacks } = ledger;
    readBacks.begin('a', 2, 1_000);
    readBacks.more('a', { before: 4, links: 6 }, { nowMs: 500, dueMs: 1_500, patienceMs: 6_000 });
    expect(readBacks.next()).toBeUndefined();
  });

  it('gives the one that is due first, and forgets what is pruned', () => {
    const ledger = openSqliteLedger(':memory:');
    opened.push(ledger);
    const { readBacks } = ledger;
    readBacks.begin('a', 1, 2_000);
    readBacks.begin('b', 1, 1_000);
    expect(readBacks.next()).toEqual({ session: 'b', links: 1, dueMs: 1_000, looks: 0 });
    readBacks.postpone('b', 5_000, 3);
    expect(readBacks.next()?.session).toBe('a');
    readBacks.rest('a');
    expect(readBacks.next()).toEqual({ session: 'b', links: 1, dueMs: 5_000, looks: 3 });
    readBacks.noteSentAgain('b', 2, 'hash');
    expect([readBacks.wasSentAgain('b', 2, 'hash'), readBacks.wasSentAgain('b', 2, 'other')]).toEqual([true, false]);
    ledger.saveSession({ ...ROW, session: 'b' });
    ledger.prune(['b'], { by: 'ann', reason: 'retention', atMs: 1, beforeMs: 2 });
    expect([readBacks.next(), readBacks.wasSentAgain('b', 2, 'hash')]).toEqual([undefined, false]);
  });
});
