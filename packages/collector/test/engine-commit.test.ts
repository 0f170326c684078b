import type { LinkCopy } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LedgerError } from '../src/ledger/index.js';
import { ACCEPTED, ANYONE, EngineBench } from './engine-fixtures.js';
import { scannedOf, sessionOf } from './sessions.js';

let bench: EngineBench;

beforeEach(() => {
  bench = new EngineBench();
});

afterEach(() => bench.close());

describe('group commit', () => {
  test('requests of one turn share one transaction', async () => {
    let transactions = 0;
    const transaction = bench.ledger.transaction.bind(bench.ledger);
    bench.ledger.transaction = (work) => {
      transactions++;
      return transaction(work);
    };
    const answers = await Promise.all(Array.from({ length: 20 }, () => bench.engine.ingest(scannedOf(sessionOf()), ANYONE)));
    expect(answers).toEqual(Array(20).fill(ACCEPTED));
    expect(transactions).toBe(1);
  });

  test('a request beyond the bound of what may wait is answered busy, and is on record nowhere', async () => {
    await bench.engine.close();
    bench.engine = bench.open({ pendingSpans: 10 });
    const [first, second] = [sessionOf({ actions: 4 }), sessionOf({ actions: 4 })];
    const answers = await Promise.all([bench.engine.ingest(scannedOf(first), ANYONE), bench.engine.ingest(scannedOf(second), ANYONE)]);
    expect(answers).toEqual([ACCEPTED, { type: 'busy', retryAfterSeconds: 1 }]);
    expect(bench.engine.report(second[0]?.session ?? '')).toBeUndefined();
  });

  test('closing answers what waits, and takes nothing more', async () => {
    const waiting = bench.engine.ingest(scannedOf(sessionOf()), ANYONE);
    await bench.engine.close();
    expect(await waiting).toEqual(ACCEPTED);
    expect(await bench.engine.ingest(scannedOf(sessionOf()), ANYONE)).toMatchObject({ type: 'busy' });
    expect(bench.engine.readiness()).toMatchObject({ ready: false });
  });
});

describe('when the ledger fails', () => {
  /** Fails as SQLite does on a full disk, at the end of the transaction. */
  function breakLedger(): () => void {
    const { transaction, probe } = bench.ledger;
    const fail = (): never => {
      throw new LedgerError('unavailable', 'the disk is full');
    };
    bench.ledger.transaction = (work) =>
      transaction.call(bench.ledger, () => {
        work();
        return fail();
      }) as never;
    bench.ledger.probe = fail;
    return () => Object.assign(bench.ledger, { transaction, probe });
  }

  test('nothing is answered 200, readiness is gone, and both come back', async () => {
    const links = sessionOf();
    const session = links[0]?.session ?? '';
    await bench.engine.ingest(scannedOf(links.slice(0, 2)), ANYONE);
    const repair = breakLedger();
    expect(await bench.engine.ingest(scannedOf(links.slice(2, 4)), ANYONE)).toMatchObject({ type: 'busy' });
    expect(bench.engine.readiness()).toMatchObject({ ready: false, reason: 'the disk is full' });
    bench.clock.pass(2_000);
    bench.engine.tick();
    expect(bench.engine.readiness()).toMatchObject({ ready: false });
    repair();
    bench.clock.pass(2_000);
    bench.engine.tick();
    expect(bench.engine.readiness()).toEqual({ ready: true });
    expect(await bench.engine.ingest(scannedOf(links.slice(2)), ANYONE)).toEqual(ACCEPTED);
    expect(bench.engine.report(session)).toMatchObject({
      integrity: 'intact',
      completeness: 'complete',
      links: links.length,
      findings: [],
    });
    expect(bench.metrics.duplicates).toBe(0);
    expect(bench.log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('a request that cannot be judged does not keep others from being taken', async () => {
    const poison = sessionOf();
    const poisoned = poison[2]?.session ?? '';
    const keep = bench.ledger.keep.bind(bench.ledger);
    bench.ledger.keep = (link: LinkCopy) => {
      if (link.session === poisoned) throw new TypeError('a defect');
      keep(link);
    };
    const [bad, good] = await Promise.all([
      bench.engine.ingest(scannedOf(poison), ANYONE),
      bench.engine.ingest(scannedOf(sessionOf()), ANYONE),
    ]);
    expect(bad).toMatchObject({ type: 'busy' });
    expect(good).toEqual(ACCEPTED);
    expect(bench.engine.readiness()).toEqual({ ready: true });
  });
});
