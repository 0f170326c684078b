import { describe, expect, it } from 'vitest';
import { LedgerError } from '../src/ledger/index.js';
import { Readiness } from '../src/readiness.js';

function setUp() {
  const machine = { now: 0, engine: { ready: true } as ReturnType<Readiness['now']>, spans: 0, probes: 0, broken: false };
  const ledger = {
    probe() {
      machine.probes++;
      if (machine.broken) throw new LedgerError('unavailable', 'the disk is full');
    },
    outboxSize: () => ({ spans: machine.spans, aside: 0 }),
  };
  const readiness = new Readiness({ readiness: () => machine.engine }, ledger, { outboxSpans: 100, now: () => machine.now });
  return { machine, readiness };
}

describe('the collector is ready', () => {
  it('when its ticks are fresh, its engine takes spans, its ledger can be written and its outbox has room', () => {
    expect(setUp().readiness.now()).toEqual({ ready: true });
  });

  it('not when the last tick is long ago, and again after the next', () => {
    const { machine, readiness } = setUp();
    machine.now = 6_000;
    expect(readiness.now()).toMatchObject({ ready: false, reason: expect.stringContaining('the last tick is 6 s ago') });
    readiness.ticked();
    expect(readiness.now()).toEqual({ ready: true });
  });

  it('not when the engine is not', () => {
    const { machine, readiness } = setUp();
    machine.engine = { ready: false, reason: 'spans wait for the ledger' };
    expect(readiness.now()).toBe(machine.engine);
  });

  it('not when the ledger cannot be written', () => {
    const { machine, readiness } = setUp();
    machine.broken = true;
    expect(readiness.now()).toEqual({ ready: false, reason: 'the disk is full' });
  });

  it('not when the outbox is full', () => {
    const { machine, readiness } = setUp();
    machine.spans = 100;
    expect(readiness.now()).toMatchObject({ ready: false, reason: expect.stringContaining('is Tempo reachable?') });
  });

  it('without writing to the disk each time that somebody asks', () => {
    const { machine, readiness } = setUp();
    for (let i = 0; i < 50; i++) readiness.now();
    expect(machine.probes).toBe(1);
    machine.now = 2_000;
    readiness.now();
    expect(machine.probes).toBe(2);
  });
});
