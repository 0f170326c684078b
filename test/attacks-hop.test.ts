import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiSession, Victim } from './attacks-collector.js';
import { Hop } from './hop.js';
import { startClerk } from './processes.js';

// Somebody on the way between a real agent and a real collector, who can change the bytes but not the agent.

/** The links of the clerk's run, each a request of its own: start, intent, outcome, intent, outcome, end. */
type Records = readonly Buffer[];

const victim = new Victim();
const hop = new Hop();
let endpoint: string;

beforeAll(async () => {
  await victim.start();
  hop.to = victim.url;
  endpoint = await hop.listen();
});
afterAll(async () => {
  await hop.close();
  await victim.stop();
});

/** The top-level fields of a request: the evidence channel sends one a link, and any of them is a request too. */
function recordsOf(body: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    let length = 0;
    let end = at + 1;
    for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) {
      byte = body.readUInt8(end++);
      length |= (byte & 0x7f) << shift;
    }
    records.push(body.subarray(at, end + length));
    at = end + length;
  }
  return records;
}

/** Replaces text by text of the same length, so that the framing stays. */
function replaced(record: Buffer | undefined, from: string, to: string): Buffer {
  if (record === undefined || !record.includes(from) || from.length !== to.length) throw new Error(`cannot replace '${from}'`);
  return Buffer.from(record.toString('latin1').replaceAll(from, to), 'latin1');
}
const put = (records: Records, seq: number, record: Buffer): Buffer[] => records.map((other, i) => (i === seq - 1 ? record : other));
const sessionIn = (record: Buffer | undefined): string =>
  /custody\.session\.id[^0-9a-f]*([0-9a-f]{32})/.exec(record?.toString('latin1') ?? '')?.[1] ?? '';

/** The number as it stands on the wire: an int of one byte. */
function withSeq(record: Buffer | undefined, seq: number): Buffer {
  const copy = Buffer.from(record ?? []);
  const at = copy.indexOf('custody.link.seq') + 'custody.link.seq'.length;
  // field 2 (value), its length, field 3 (int), the number
  expect([...copy.subarray(at, at + 3)]).toEqual([0x12, 2, 0x18]);
  copy.writeUInt8(seq, at + 3);
  return copy;
}

/** Runs the clerk, keeps what it sends until its last link, and passes on what `tamper` makes of it. Answers the session. */
async function tampered(tamper: (records: Records) => Records): Promise<string> {
  const kept: Buffer[] = [];
  hop.change = (body) => {
    kept.push(...recordsOf(body));
    return kept.at(-1)?.includes('session.end') ? [...tamper(kept)] : [];
  };
  const clerk = startClerk('complete', {
    CUSTODY_ENDPOINT: endpoint,
    CUSTODY_SPOOL: join(victim.folder, 'spool'),
    OTEL_TRACES_EXPORTER: 'none',
  });
  await clerk.closed;
  expect(clerk.status, clerk.lines.join('\n')).toBe(0);
  return sessionIn(kept[0]);
}

async function found(session: string): Promise<string[]> {
  const { findings } = await victim.get<ApiSession>(`/api/v1/sessions/${session}`);
  return findings.map(({ code, seq }) => `${code}@${seq}`);
}

test.each<[string, (records: Records) => Records, string[]]>([
  ['edits a tool’s name', (links) => put(links, 3, replaced(links[2], 'read_database', 'read_nothing_')), ['content_mismatch@3']],
  ['edits an argument', (links) => put(links, 2, replaced(links[1], '"invoices"', '"salaries"')), ['disclosure_mismatch@2']],
  ['edits the reason', (links) => put(links, 2, replaced(links[1], 'I look before', 'I leap before')), ['disclosure_mismatch@2']],
  ['edits on whose behalf it was', (links) => put(links, 1, replaced(links[0], 'alice@', 'carol@')), ['content_mismatch@1']],
  ['drops a link', (links) => links.filter((_, i) => i !== 3), ['gap@4']],
  ['drops the end', (links) => links.slice(0, -1), ['unclosed@5']],
  [
    'swaps two links',
    (links) => put(put(links, 3, withSeq(links[2], 5)), 5, withSeq(links[4], 3)),
    ['content_mismatch@3', 'broken_link@3', 'broken_link@4', 'unfinished_action@4', 'content_mismatch@5', 'broken_link@5', 'broken_link@6'],
  ],
])('a hop that %s is found out', async (_what, tamper, expected) => {
  const session = await tampered(tamper);
  await victim.shows(expected[0]?.split('@')[0] ?? '', session);
  expect((await found(session)).sort()).toEqual([...expected].sort());
});

test('a hop that moves a link to another session is found out, and the session it came from is not blamed', async () => {
  let stolen: Buffer | undefined;
  const source = await tampered((links) => {
    stolen = links[2];
    return links;
  });
  const target = await tampered((links) => put(links, 3, replaced(stolen, source, sessionIn(links[0]))));
  await victim.shows('content_mismatch', target);
  expect(await found(target)).toContain('content_mismatch@3');
  expect(await found(source)).toEqual([]);
});

test.each<[string, (records: Records) => Records]>([
  ['turns the order round', (links) => [...links].reverse()],
  ['repeats everything', (links) => [...links, ...links, ...links]],
  ['puts everything into one request', (links) => [Buffer.concat(links)]],
])('a hop that %s does no harm', async (_what, tamper) => {
  const session = await tampered(tamper);
  expect(await victim.get(`/api/v1/sessions/${session}`)).toMatchObject({
    integrity: 'intact',
    completeness: 'complete',
    links: 6,
    findings: [],
  });
});
