// The vectors of the wire format through the whole collector: JSON in, ledger behind the verifier, report out.

import { readFileSync } from 'node:fs';
import { parseRegister } from '@agent-custody/chain';
import { expect, test } from 'vitest';
import { createEngine, type Engine } from '../src/engine/index.js';
import { nodeHashing } from '../src/hashing.js';
import { type Ledger, openSqliteLedger } from '../src/ledger/index.js';
import { type Scanned, scanJson } from '../src/scan/index.js';
import { CountedMetrics, KeptLog, outboxSpans, TestClock } from './engine-fixtures.js';

interface Request {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans?: readonly unknown[] }[] }[];
}
interface Vector {
  readonly name: string;
  readonly requests: readonly Request[];
  readonly register?: unknown;
  readonly expect: Readonly<Record<string, { readonly findings: readonly (readonly [string, number])[] }>>;
}

const vectors = ['sessions', 'register'].flatMap(
  (file) => JSON.parse(readFileSync(new URL(`../../chain/vectors/${file}.json`, import.meta.url), 'utf8')) as Vector[],
);
const IDLE_MS = 900_000;

const scanned = (request: unknown): Scanned => scanJson(Buffer.from(JSON.stringify(request)));

/** Every span in a request of its own. */
function alone(requests: readonly Request[]): Request[] {
  const spans = requests.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans = [] }) => spans)),
  );
  return spans.map((span) => ({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }));
}

/** Sends the requests, then lets all limits pass. `restarts`: a new engine on the same ledger before each request, as after a crash. */
async function judge(vector: Vector, ledger: Ledger, requests: readonly Request[], restarts: boolean): Promise<unknown> {
  const clock = new TestClock();
  const register = vector.register === undefined ? undefined : parseRegister(vector.register);
  const open = (): Engine =>
    createEngine({
      ledger,
      hashing: nodeHashing,
      log: new KeptLog(),
      metrics: new CountedMetrics(),
      clock,
      forwarder: { wake: () => undefined },
      ...(register && { register }),
    });
  let engine = open();
  for (const request of requests) {
    if (restarts) engine = open();
    expect(await engine.ingest(scanned(request), { agents: 'all' })).toMatchObject({ type: 'accepted' });
  }
  for (let i = 0; i < 4; i++) {
    clock.pass(IDLE_MS);
    engine.tick();
  }
  return Object.fromEntries(engine.reports({ limit: 100 }).items.map((report) => [report.session, expectationOf(report)]));
}

function expectationOf({ integrity, completeness, authority, findings }: ReturnType<Engine['reports']>['items'][number]): unknown {
  const counted = findings.filter(({ severity, healed }) => severity !== 'info' && !healed);
  return { integrity, completeness, authority, findings: counted.map(({ code, seq }) => [code, seq]).sort(byText) };
}

const byText = (a: readonly unknown[], b: readonly unknown[]): number => (String(a) < String(b) ? -1 : 1);

function expected(vector: Vector): unknown {
  return Object.fromEntries(
    Object.entries(vector.expect).map(([id, judged]) => [id, { ...judged, findings: [...judged.findings].sort(byText) }]),
  );
}

test.each(vectors.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
  const ledger = openSqliteLedger(':memory:');
  expect(await judge(vector, ledger, vector.requests, false)).toEqual(expected(vector));
  ledger.close();
});

test.each(vectors.map((vector) => [vector.name, vector] as const))('%s, restarted before each span', async (_name, vector) => {
  const ledger = openSqliteLedger(':memory:');
  const requests = alone(vector.requests);
  expect(await judge(vector, ledger, requests, true)).toEqual(expected(vector));
  // Whatever was held when an engine stopped went out all the same.
  const links = new Set([...ledger.allLinks()].map(({ spanId }) => spanId));
  const forwarded = new Set(outboxSpans(ledger).map(({ spanId }) => spanId));
  expect([...links].filter((id) => !forwarded.has(id))).toEqual([]);
  ledger.close();
});
