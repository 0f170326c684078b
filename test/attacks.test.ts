import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ATTR, FINDING_RULES, type FindingCode, type WrittenLink } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf, edit, rehash, Script } from '../packages/chain/test/script.js';
import { type ApiFinding, type ApiSession, Victim } from './attacks-collector.js';

// The table of attacks of SPEC.md, section 10, played over HTTP on a running collector by somebody who can post spans: each is seen
// in the API, in Tempo at the very span, and in the metrics; and none of them touches the honest session beside them.

interface Attack {
  readonly by: string;
  /** Requests, one after the other. */
  readonly sends: readonly (readonly WrittenLink[])[];
  /** Session and what is found in it, as `code@seq`. */
  readonly seen: Readonly<Record<string, readonly string[]>>;
}

let worlds = 0;
const script = (agent = 'billing-bot'): Script => new Script(`attack ${worlds++}`, undefined, agent);
/** Five links: a start, an action, a heartbeat, an end. */
const genuine = (agent?: string): readonly WrittenLink[] => script(agent).start().intent('a').outcome('a').heartbeat().end().links;
const at = (links: readonly WrittenLink[], seq: number): WrittenLink => links[seq - 1] as WrittenLink;
const except = (links: readonly WrittenLink[], ...seqs: readonly number[]): WrittenLink[] => links.filter(({ seq }) => !seqs.includes(seq));
const idOf = (links: readonly WrittenLink[]): string => at(links, 1).session;

function attack(by: string, links: readonly WrittenLink[], seen: readonly string[], ...sends: (readonly WrittenLink[])[]): Attack {
  return { by, sends: sends.length > 0 ? sends : [links], seen: { [idOf(links)]: seen } };
}

function edits(): Attack[] {
  const [first, later, rehashed, replaced, moved] = [genuine(), genuine(), genuine(), genuine(), genuine()];
  const note = { 'custody.note': 'x' };
  return [
    attack('editing a value on the way', first, ['content_mismatch@3'], [...except(first, 3), edit(at(first, 3), note)]),
    attack('sending an edited copy later', later, ['content_mismatch@3'], later, [edit(at(later, 3), { [ATTR.toolName]: 'harmless' })]),
    attack('sending an edited copy with its hash made right', rehashed, ['fork@3'], rehashed, [rehash(at(rehashed, 3), note)]),
    attack(
      'editing on the way with the hash made right',
      replaced,
      ['broken_link@4'],
      [...except(replaced, 3), rehash(at(replaced, 3), note)],
    ),
    attack('moving a link to another span', moved, ['content_mismatch@3'], moved, [{ ...at(moved, 3), spanId: 'ab'.repeat(8) }]),
  ];
}

function structure(): Attack[] {
  const [dropped, headless, swapped, renumbered, inserted, reordered] = [genuine(), genuine(), genuine(), genuine(), genuine(), genuine()];
  const [source, target] = [genuine(), genuine()];
  const extra = { [ATTR.seq]: 3, [ATTR.prev]: at(inserted, 2).hash };
  return [
    attack('dropping a link', dropped, ['gap@4'], except(dropped, 4)),
    attack('dropping an outcome', headless, ['gap@3', 'unfinished_action@2'], except(headless, 3)),
    attack(
      'swapping two numbers',
      swapped,
      ['content_mismatch@2', 'content_mismatch@3', 'broken_link@2', 'broken_link@3', 'broken_link@4'].sort(),
      [...except(swapped, 2, 3), edit(at(swapped, 2), { [ATTR.seq]: 3 }), edit(at(swapped, 3), { [ATTR.seq]: 2 })],
    ),
    attack(
      'dropping a link and closing the ranks',
      renumbered,
      ['broken_link@4', 'count_mismatch@4'],
      [...except(renumbered, 4, 5), rehash(at(renumbered, 5), { [ATTR.seq]: 4 })],
    ),
    attack('inserting a link', inserted, ['fork@3'], inserted, [rehash(at(inserted, 4), extra)]),
    attack('reordering and repeating', reordered, [], [...reordered].reverse(), reordered, except(reordered, 1)),
    {
      by: 'moving a link to another session',
      sends: [source, target, [rehash(at(source, 3), { [ATTR.sessionId]: idOf(target) })]],
      seen: { [idOf(source)]: [], [idOf(target)]: ['fork@3', 'broken_link@3'] },
    },
  ];
}

function endings(): Attack[] {
  const [cut, forged, early, spoken] = [genuine(), genuine(), genuine(), genuine()];
  const forgedEnd = {
    [ATTR.kind]: 'session.end',
    'custody.session.links': 4,
    'custody.session.actions': 1,
    'custody.session.outcome': 'completed',
  };
  const after = { [ATTR.seq]: 6, [ATTR.prev]: at(spoken, 5).hash };
  return [
    attack('cutting off the tail', cut, ['unclosed@4'], except(cut, 5)),
    attack('forging an early end', forged, ['fork@4', 'after_end@5'], forged, [rehash(at(forged, 4), forgedEnd)]),
    attack(
      'forging an early end first',
      early,
      ['fork@4', 'after_end@5'],
      [...except(early, 4, 5), rehash(at(early, 4), forgedEnd)],
      except(early, 1, 2, 3),
    ),
    attack('speaking after the end', spoken, ['after_end@6'], spoken, [rehash(at(spoken, 4), after)]),
  ];
}

function authority(): Attack[] {
  const denied = script().start().intent('a', 'deny').outcome('a').end();
  const nested = script().start().intent('a', 'deny').intent('b', 'allow', { parent: 'a' }).outcome('b', 'ok').outcome('a', 'denied').end();
  const unasked = script().start().intent('a', 'require_approval').outcome('a').end();
  const swapped = script().start().intent('a', 'require_approval').approval('a', 'approved', { args: 'other' }).outcome('a').end();
  const refused = script().start().intent('a', 'require_approval').approval('a', 'denied').approval('a').outcome('a').end();
  const unannounced = script().start().outcome('a').end();
  const tools = { tools: digestOf('others') };
  const drifted = script('watched-bot').start().change(tools).end();
  const started = script('watched-bot')
    .start({ components: { ...COMPONENTS_OF(drifted), ...tools } })
    .end();
  const [before, after] = memories();
  return [
    attack('running a tool that was denied', denied.links, ['executed_after_deny@3']),
    attack('running a tool inside one that was denied', nested.links, ['executed_after_deny@3']),
    attack('running a tool without its approval', unasked.links, ['approval_missing@3']),
    attack('running a tool with other arguments than approved', swapped.links, ['approval_mismatch@3']),
    attack('asking until somebody approves', refused.links, ['executed_after_deny@5']),
    attack('running a tool without an intent', unannounced.links, ['outcome_without_intent@2']),
    attack('changing the tools of a running agent', drifted.links, ['fingerprint_drift@2']),
    attack('starting an agent with other tools', started.links, ['unapproved_fingerprint@1']),
    {
      by: 'changing memory between two sessions',
      sends: [before.links, after.links],
      seen: { [before.id]: [], [after.id]: ['memory_drift@1'] },
    },
  ];
}

function COMPONENTS_OF({ links }: Script): Record<string, string> {
  const prefix = 'custody.fingerprint.';
  const entries = Object.entries(at(links, 1).attributes).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(entries.map(([key, value]) => [key.slice(prefix.length), String(value)]));
}

function memories(): readonly [Script, Script] {
  const before = script('remembering-bot').start({ memoryStore: 'notes' }).end();
  const components = { ...COMPONENTS_OF(before), memory: digestOf('poisoned') };
  // One clock: the second session is after the first.
  const after = new Script('', before.world, 'remembering-bot').start({ memoryStore: 'notes', components }).end();
  return [before, after];
}

function families(): Attack[] {
  const mother = script().start().heartbeat();
  const stranger = new Script('', mother.world).start({ parent: mother.position }).end();
  mother.end();
  const orphan = script()
    .start({ parent: { session: 'ee'.repeat(16), seq: 2, hash: 'ff'.repeat(32) } })
    .end();
  const lost = script().start().spawn('dd'.repeat(16)).end();
  const announcer = script().start();
  const child = announcer.world.id(32);
  announcer.spawn(child);
  const runaway = new Script('', announcer.world, 'billing-bot', child).start().end();
  announcer.end();
  return [
    {
      by: 'a child under a stranger’s name',
      sends: [mother.links, stranger.links],
      seen: { [mother.id]: [], [stranger.id]: ['parent_mismatch@1'] },
    },
    attack('a child of nobody', orphan.links, ['orphan_child@1']),
    attack('a child that is kept out of sight', lost.links, ['missing_child@2']),
    {
      by: 'a child that denies its parent',
      sends: [announcer.links, runaway.links],
      seen: { [announcer.id]: ['missing_child@2'], [child]: ['parent_mismatch@1'] },
    },
  ];
}

const attacks = [edits, structure, endings, authority, families].flatMap((make) => make());
const honest = genuine();
const canary = except(genuine(), 5);
const victim = new Victim();
let findings: readonly ApiFinding[];

beforeAll(async () => {
  const register = join(victim.folder, 'register.json');
  const components = Object.fromEntries(Object.entries(COMPONENTS_OF(script().start())).filter(([name]) => name !== 'memory'));
  const approval = {
    agent: 'watched-bot',
    components,
    by: 'bob@example.com',
    ticket: 'CHG-1',
    from: '2020-01-01T00:00:00Z',
    until: null,
    withdrawn: null,
  };
  writeFileSync(register, JSON.stringify({ version: 1, entries: [approval] }));
  await victim.start('--register', register);
  await victim.post(honest.slice(0, 3));
  for (const { sends } of attacks) for (const links of sends) expect((await victim.post(links)).status).toBe(200);
  await victim.post(honest.slice(3));
  // When the canary is missed, every wait that began before it is over.
  await victim.post(canary);
  await victim.shows('unclosed', idOf(canary));
  findings = await victim.findings();
}, 30_000);
afterAll(() => victim.stop());

const foundIn = (session: string): string[] =>
  findings
    .filter((finding) => finding.session === session && !finding.healed && finding.code !== 'late')
    .map(({ code, seq }) => `${code}@${seq}`);

describe('an attack on what the collector has taken in', () => {
  test.each(attacks.map((row) => [row.by, row] as const))('by %s is seen', (_by, { seen }) => {
    for (const [session, expected] of Object.entries(seen)) expect(foundIn(session).sort()).toEqual([...expected].sort());
  });

  test.each(attacks.map((row) => [row.by, row] as const))('by %s is in the verdict', async (_by, { seen }) => {
    for (const [session, expected] of Object.entries(seen)) {
      const against = new Set(expected.map((finding) => FINDING_RULES[finding.split('@')[0] as FindingCode].against));
      const { integrity, completeness, authority: judged } = await victim.get<ApiSession>(`/api/v1/sessions/${session}`);
      expect(integrity === 'broken', session).toBe(against.has('integrity'));
      expect(completeness === 'incomplete', session).toBe(against.has('completeness'));
      expect(judged === 'deviated', session).toBe(against.has('authority'));
    }
  });

  test('leaves the honest session beside it alone', async () => {
    expect(await victim.get(`/api/v1/sessions/${idOf(honest)}`)).toMatchObject({
      integrity: 'intact',
      completeness: 'complete',
      links: 5,
      findings: [],
    });
  });
});

describe('every finding', () => {
  test('is a span in Tempo, once, below the very span that it is about', () => {
    const told = victim.findingSpans().map(({ attributes, service, statusCode, traceId, parentSpanId }) => ({
      what: `${attributes['custody.finding.session.id']} ${attributes['custody.finding.code']}@${attributes['custody.finding.seq']}`,
      where: `${traceId} ${parentSpanId}`,
      service,
      statusCode,
    }));
    const expected = findings.map(({ session, code, seq, trace_id, span_id }) => ({
      what: `${session} ${code}@${seq}`,
      where: span_id === '' ? expect.any(String) : `${trace_id} ${span_id}`,
      service: 'agent-custody-collector',
      statusCode: 2,
    }));
    const inOrder = (a: { what: string }, b: { what: string }): number => (a.what < b.what ? -1 : 1);
    expect(told.sort(inOrder)).toEqual(expected.sort(inOrder));
  });

  test('is counted', async () => {
    const page = await victim.metrics();
    const counted = [...page.matchAll(/^custody_findings_total\{code="(\w+)",severity="\w+"\} (\d+)$/gm)].map(([, code, n]) => [
      code,
      Number(n),
    ]);
    const codes = Object.keys(FINDING_RULES);
    expect(Object.fromEntries(counted)).toEqual(
      Object.fromEntries(codes.map((code) => [code, findings.filter((finding) => finding.code === code).length])),
    );
  });
});
