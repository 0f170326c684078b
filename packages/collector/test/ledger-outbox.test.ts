import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Ledger, openSqliteLedger } from '../src/ledger/index.js';
import { newId } from './sessions.js';

let directory: string;
let opened: Ledger[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'custody-outbox-'));
  opened = [];
});

afterEach(() => {
  for (const ledger of opened) ledger.close();
  rmSync(directory, { recursive: true, force: true });
});

function open(): Ledger {
  const ledger = openSqliteLedger(join(directory, 'ledger.db'));
  opened.push(ledger);
  return ledger;
}

describe('the outbox', () => {
  const request = (size: number, fill: number): Uint8Array => new Uint8Array(size).fill(fill);

  test('hands out what is on record: not what was rolled back, and after a restart the same as before', () => {
    const ledger = open();
    const failed = () =>
      ledger.transaction(() => {
        ledger.enqueue(request(10, 1), 1);
        throw new Error('no');
      });
    expect(failed).toThrow('no');
    ledger.enqueue(request(10, 2), 1);
    const handedOut = (from: Ledger) => from.outboxHead({ bytes: 1e9, spans: 1e9, after: 0 }).map((entry) => [...entry.request]);
    expect(handedOut(ledger)).toEqual([[...request(10, 2)]]);
    ledger.close();
    expect(handedOut(open())).toEqual([[...request(10, 2)]]);
  });

  test('hands out the oldest first within its bounds, at least one, and forgets what is acknowledged', () => {
    const ledger = open();
    for (let i = 1; i <= 4; i++) ledger.enqueue(request(100, i), i);
    const unbounded = { bytes: 1e9, spans: 1e9, after: 0 };
    expect(ledger.outboxHead({ ...unbounded, bytes: 250 }).map(({ spans }) => spans)).toEqual([1, 2]);
    expect(ledger.outboxHead({ ...unbounded, spans: 6 }).map(({ spans }) => spans)).toEqual([1, 2, 3]);
    const [first] = ledger.outboxHead({ ...unbounded, bytes: 1 });
    expect([first?.spans, Buffer.from(first?.request ?? [])]).toEqual([1, Buffer.from(request(100, 1))]);
    ledger.acknowledge([first?.id ?? 0]);
    expect(ledger.outboxSize()).toEqual({ spans: 9, aside: 0 });
    expect(ledger.outboxHead({ ...unbounded, after: first?.id ?? 0 }).map(({ spans }) => spans)).toEqual([2, 3, 4]);
  });

  test('keeps what is set aside out of the way, and puts the parts of what is split at its end', () => {
    const ledger = open();
    for (let i = 1; i <= 3; i++) ledger.enqueue(request(10, i), i);
    const [one, , three] = ledger.outboxHead({ bytes: 1e9, spans: 1e9, after: 0 });
    ledger.setAside(one?.id ?? 0, 'status_400');
    ledger.splitEntry(three?.id ?? 0, [
      { request: request(5, 4), spans: 2 },
      { request: request(5, 5), spans: 1 },
    ]);
    expect(ledger.outboxHead({ bytes: 1e9, spans: 1e9, after: 0 }).map(({ request: [fill] }) => fill)).toEqual([2, 4, 5]);
    expect(ledger.outboxSize()).toEqual({ spans: 5, aside: 1 });
    ledger.requeueAside();
    expect(ledger.outboxSize()).toEqual({ spans: 6, aside: 0 });
    expect(ledger.outboxHead({ bytes: 1e9, spans: 1e9, after: 0 }).map(({ request: [fill] }) => fill)).toEqual([2, 4, 5, 1]);
  });

  test('counts what is in it, not what a transaction that failed would have put there', () => {
    const ledger = open();
    ledger.enqueue(request(10, 1), 1);
    expect(ledger.outboxSize().spans).toBe(1);
    const work = () =>
      ledger.transaction(() => {
        ledger.enqueue(request(10, 2), 2);
        expect(ledger.outboxSize().spans).toBe(3);
        throw new RangeError('no');
      });
    expect(work).toThrow(RangeError);
    expect(ledger.outboxSize().spans).toBe(1);
  });

  test('hands out what is held for a link once', () => {
    const ledger = open();
    const session = newId(16);
    ledger.hold(session, 3, request(4, 1));
    ledger.hold(session, 3, request(4, 2));
    ledger.hold(session, 5, request(4, 3));
    expect(ledger.heldSessions()).toEqual([session]);
    expect(ledger.heldLinks(session)).toEqual([3, 5]);
    expect(ledger.takeHeld(session, 3).map(([fill]) => fill)).toEqual([1, 2]);
    expect(ledger.takeHeld(session, 3)).toEqual([]);
    expect(ledger.heldLinks(session)).toEqual([5]);
  });
});
