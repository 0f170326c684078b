import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { withoutSession } from '../src/handover/erase-request.js';
import { nodeHashing } from '../src/hashing.js';
import { type Ledger, openSqliteLedger, readSqliteLedger } from '../src/ledger/index.js';
import { scanRequest } from '../src/scan/index.js';
import { judgeLedger } from '../src/verify/ledger-source.js';
import { run } from './command.js';
import { ANYONE, EngineBench, GRACE_MS, IDLE_MS } from './engine-fixtures.js';
import { Author } from './families.js';
import { bodyOf, edited, newId, plainSpan, recordOf } from './sessions.js';
import { spansIn } from './stored-spans.js';

vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'custody-erase-'));
const ACT = { by: 'ann', reason: 'request 7', atMs: 1_790_000_000_000 };

function eraseFrom(ledger: Ledger, session: string): ReturnType<Ledger['erase']> {
  const traces = new Set([...ledger.links(session, 1)].map(({ traceId }) => traceId));
  return ledger.erase(session, ACT, (request) => withoutSession(request, session, traces));
}

const judged = (ledger: Ledger) => judgeLedger(ledger, { hashing: nodeHashing }, { type: 'rest' }).sessions;

/** A request as the collector keeps it, with spans of the application's own beside the links. */
function requestWith(authors: readonly Author[], ...others: readonly ReturnType<typeof plainSpan>[]) {
  return scanRequest(bodyOf([...authors.flatMap(({ links }) => links.map(recordOf)), ...others]));
}

describe('an erased session', () => {
  /** What can happen to a link on its way. */
  const mishap = fc.constantFrom('kept', 'kept', 'kept', 'lost', 'edited', 'content changed');

  it('is judged as it was before, whatever was wrong with it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('act', 'denied', 'ran denied'), { maxLength: 4 }),
        fc.array(mishap, { minLength: 10, maxLength: 10 }),
        fc.boolean(),
        async (actions, mishaps, ended) => {
          const author = new Author();
          for (const action of actions) author.act('my-secret', action === 'act' ? 'allow' : 'deny', action === 'denied' ? 'denied' : 'ok');
          if (ended) author.end();
          const arrived = author.links.flatMap((link, index) => {
            switch (mishaps[index]) {
              case 'lost':
                return [];
              case 'edited':
                return [edited(link)];
              case 'content changed':
                return [changedContent(link)];
              default:
                return [link];
            }
          });
          const bench = new EngineBench();
          await bench.engine.ingest(scanRequest(bodyOf(arrived.map(recordOf))), ANYONE);
          for (const wait of [0, GRACE_MS, IDLE_MS]) {
            bench.clock.pass(wait);
            bench.engine.tick();
          }
          const before = judged(bench.ledger);
          const recorded = bench.ledger.session(author.session);
          eraseFrom(bench.ledger, author.session);
          expect(judged(bench.ledger)).toEqual(before);
          expect(bench.ledger.session(author.session)).toEqual(recorded);
          expect([...bench.ledger.links(author.session, 1)].map(({ content }) => content)).toEqual(arrived.map(() => ({})));
          await bench.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  function changedContent(link: Author['last']): Author['last'] {
    const attributes = Object.entries(link.attributes).map(([key, value]) => [key, key === 'custody.action.reason' ? 'forged' : value]);
    return { ...link, attributes: Object.fromEntries(attributes) as Author['last']['attributes'] };
  }

  it('is on record, and others keep what they disclosed', async () => {
    const bench = new EngineBench();
    const [mine, other] = [new Author().act('mine').end(), new Author().act('of-another').end()];
    await bench.engine.ingest(requestWith([mine, other]), ANYONE);
    const erasure = eraseFrom(bench.ledger, mine.session);
    expect(erasure).toMatchObject({ ...ACT, type: 'erasure', session: mine.session, links: 2 });
    expect(bench.ledger.dispositions()).toEqual([{ entry: erasure, sound: true }]);
    const disclosed = [...bench.ledger.links(other.session, 1)].flatMap(({ content }) => Object.values(content));
    expect(disclosed).toContain('because of of-another');
    expect(eraseFrom(bench.ledger, newId(16))).toBeUndefined();
    await bench.close();
  });

  it('shows no approver what it asked any more, and tells nobody who was still to be told', async () => {
    const bench = new EngineBench();
    const author = new Author().act('mine').end();
    await bench.engine.ingest(requestWith([author]), ANYONE);
    const request = {
      id: newId(16),
      session: author.session,
      seq: 2,
      action: 'act_1',
      agent: 'billing-bot',
      tool: 'send_email',
      arguments_digest: 'd'.repeat(64),
      arguments: '{"to":"mine"}',
      salt: 'e'.repeat(64),
      reason: 'because of mine',
      rule: 'mail',
      requirement: { count: 1, self_approval: false, expires_ms: 60_000 },
    };
    const decision = { decision: 'approved', approver: 'bob@example.com', way: 'token', comment: 'mine, fine', atMs: 2 } as const;
    bench.ledger.approvals.saveApproval({
      request,
      requestedAtMs: 1,
      expiresAtMs: 60_001,
      decisions: [decision],
      state: 'approved',
      claim: undefined,
    });
    bench.ledger.addNotice({ sink: 'approvals', key: 'msg_1', body: JSON.stringify({ id: request.id, reason: 'because of mine' }) });
    bench.ledger.addNotice({ sink: 'approvals', key: 'msg_2', body: JSON.stringify({ id: newId(16), reason: 'of another' }) });
    eraseFrom(bench.ledger, author.session);
    const approval = bench.ledger.approvals.approval(request.id);
    expect(JSON.stringify(approval)).not.toContain('mine');
    expect(approval?.decisions[0]?.approver).toBe('bob@example.com');
    expect(bench.ledger.notices('approvals', 10).map(({ key }) => key)).toEqual(['msg_2']);
    await bench.close();
  });

  it('goes to Tempo without its content; the links of others go as they are', async () => {
    const bench = new EngineBench();
    const [mine, other] = [new Author().act('mine').end(), new Author().act('of-another').end()];
    const beside = { ...plainSpan('llm.call'), traceId: mine.traceId, attributes: { prompt: 'about mine' } };
    const broken = { ...mine, links: [edited(mine.links[0] as Author['last']), ...mine.links.slice(1)] };
    await bench.engine.ingest(
      scanRequest(bodyOf([...broken.links, ...other.links].map(recordOf).concat(beside, plainSpan('GET /')))),
      ANYONE,
    );
    bench.engine.tick();
    const before = bench.outbox();
    const erasure = eraseFrom(bench.ledger, mine.session);
    const after = bench.outbox();
    expect(JSON.stringify(after)).not.toContain('mine');
    expect(JSON.stringify(after)).toContain('of-another');
    expect(erasure?.spans).toBe(mine.links.length + 1);
    expect(bench.ledger.outboxSize().spans).toBe(after.length);
    const names = (spans: typeof after) => spans.map(({ name }) => name).sort();
    // The span beside the links says the same in other words; what the collector says itself is kept, and so are the links.
    expect(names(after)).toEqual(names(before).filter((name) => name !== 'llm.call'));
    await bench.close();
  });
});

describe('a request without a session', () => {
  it('keeps what the hashes cover, the ids and the times, and nothing that the application put on the spans', () => {
    const author = new Author().act('mine');
    const intent = author.links[1] as Author['last'];
    const noted = {
      ...recordOf(intent),
      attributes: { ...intent.attributes, 'app.note': 'mine' },
      statusCode: 2 as const,
      statusMessage: 'mine',
    };
    const rewritten = withoutSession(bodyOf([noted]), author.session, new Set([author.traceId]));
    const [span] = spansIn(rewritten?.request ?? new Uint8Array());
    expect(span).toMatchObject({ traceId: intent.traceId, spanId: intent.spanId, name: 'action.intent' });
    const covered = Object.keys(intent.attributes).filter((key) => !/salt|action\.reason$|tool\.call\.arguments/.test(key));
    expect(Object.keys(span?.attributes ?? {}).sort()).toEqual(covered.sort());
  });

  it('is the request itself when it holds nothing of the session', () => {
    expect(withoutSession(bodyOf([plainSpan()]), newId(16), new Set([newId(16)]))).toBeUndefined();
  });
});

describe('agent-custody erase', () => {
  /** A ledger in a file whose sessions wait for a Tempo that is not there, as a killed collector leaves it. */
  async function leftBehind(...authors: readonly Author[]): Promise<string> {
    const path = join(folder, `${newId(8)}.db`);
    const bench = new EngineBench();
    bench.ledger.close();
    bench.ledger = openSqliteLedger(path);
    bench.engine = bench.open();
    for (const author of authors) await bench.engine.ingest(requestWith([author]), ANYONE);
    // One was delivered: its bytes are in pages that are free now.
    const head = bench.ledger.outboxHead({ bytes: 1, spans: 1, after: 0 });
    bench.ledger.acknowledge(head.map(({ id }) => id));
    await bench.close();
    return path;
  }

  const bytesOf = (path: string): Buffer =>
    Buffer.concat(
      [path, `${path}-wal`, `${path}-shm`, `${path}-journal`].filter((file) => existsSync(file)).map((file) => readFileSync(file)),
    );

  it('leaves not a byte of it in the files: not in rows, not in free pages, not in the log', async () => {
    const secrets = Array.from({ length: 20 }, (_, index) => `unforgettable-${index}-${newId(8)}`);
    const author = new Author();
    for (const secret of secrets) author.act(secret);
    const [head, tail] = [author.links.slice(0, 30), author.end().links.slice(29)];
    const other = new Author().act('of-another').end();
    const path = await leftBehind({ ...author, links: head } as Author, other, { ...author, links: tail } as Author);
    const salts = author.links.flatMap(({ attributes }) =>
      Object.entries(attributes).flatMap(([key, value]) => (key.startsWith('custody.salt.') ? [String(value)] : [])),
    );
    const found = () => [...secrets, ...salts].filter((text) => bytesOf(path).includes(text));
    expect(found()).toHaveLength(secrets.length + salts.length);
    const { status, stdout } = await run(['erase', '--ledger', path, '--session', author.session, '--reason', 'request 7', '--by', 'ann']);
    expect(status).toBe(0);
    expect(stdout).toContain('content of 40 link(s)');
    expect(stdout).toContain(`in Tempo it is still there: delete or let expire the trace(s) ${author.traceId}`);
    expect(found()).toEqual([]);
    expect(bytesOf(path).includes('of-another')).toBe(true);
    const ledger = readSqliteLedger(path);
    expect(judged(ledger).map(({ integrity, completeness }) => `${integrity} ${completeness}`)).toEqual([
      'intact complete',
      'intact complete',
    ]);
    expect(ledger.dispositions().map(({ entry, sound }) => [entry?.by, entry?.reason, sound])).toEqual([['ann', 'request 7', true]]);
    ledger.close();
    const verified = await run(['verify', '--ledger', path]);
    expect(verified.status).toBe(0);
  });

  it('refuses while a collector has the ledger, and a session that is not there', async () => {
    const path = await leftBehind(new Author().end());
    const ledger = openSqliteLedger(path);
    const refused = await run(['erase', '--ledger', path, '--session', newId(16)]);
    ledger.close();
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringMatching(/a collector has the ledger .* open: stop it/) });
    const unknown = await run(['erase', '--ledger', path, '--session', newId(16)]);
    expect(unknown).toMatchObject({ status: 2, stderr: expect.stringContaining('nothing was erased') });
    expect((await run(['erase', '--ledger', path, '--session', 'all'])).status).toBe(64);
  });
});
