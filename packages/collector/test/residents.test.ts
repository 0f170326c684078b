import { linksHeld, readSpan, sessionsInMemory, step, type WrittenLink } from '@agent-custody/chain';
import { afterEach, expect, test } from 'vitest';
import { Residents } from '../src/engine/residents.js';
import { nodeHashing } from '../src/hashing.js';
import { type Ledger, openSqliteLedger } from '../src/ledger/index.js';
import { sessionOf } from './sessions.js';

let ledger: Ledger | undefined;
afterEach(() => ledger?.close());

function take(residents: Residents, link: WrittenLink, at: number): void {
  const view = { traceId: link.traceId, spanId: link.spanId, attributes: Object.entries(link.attributes) };
  const reading = readSpan(view, nodeHashing);
  if (reading.type !== 'link') throw new Error('not a link');
  residents.need(link.session);
  step(residents.verifier, { type: 'link', link: reading.link, at });
  residents.touch(link.session, at);
}

test('many links behind holes are put out of memory, though few sessions hold them; filled up, they are judged as ever', () => {
  ledger = openSqliteLedger(':memory:');
  const residents = new Residents({ ledger, hashing: nodeHashing, limits: undefined, bound: 4 }, undefined, 0);
  const honest = sessionOf({ ended: false });
  for (const link of honest) take(residents, link, 0);
  const sessions = [sessionOf({ actions: 19, ended: true }), sessionOf({ actions: 19, ended: true })];
  for (const links of sessions) for (const link of links.slice(1)) take(residents, link, 0);
  expect(linksHeld(residents.verifier)).toBeGreaterThan(40);

  const left: string[] = [];
  residents.trim(0, (id) => left.push(id));
  expect(linksHeld(residents.verifier)).toBeLessThanOrEqual(40);
  expect(left).toEqual([sessions[0]?.[0]?.session]);
  expect(sessionsInMemory(residents.verifier)).toBe(2);

  for (const [start] of sessions) take(residents, start as WrittenLink, 1_000);
  expect(step(residents.verifier, { type: 'tick', at: 1_000 }).findings).toEqual([]);
  expect(linksHeld(residents.verifier)).toBe(0);
});
