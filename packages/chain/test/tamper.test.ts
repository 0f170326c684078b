import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { ATTR, type AttributeValue, FINDING_RULES, portableHashing, type Reading, readSpan, type WrittenLink } from '../src/index.js';
import { spansOfJson } from '../src/otlp/index.js';
import { moves, play, viewOf, World } from './honest.js';
import { coveredInTests, edit, rechain, rehash, Script, views } from './script.js';
import { Watch, watchAtRest } from './watch.js';

vi.setConfig({ testTimeout: 60_000 });

/** What counts against integrity or authority, as `session code@seq`. */
function accusations(watch: Watch): string[] {
  return watch.allActive().filter((finding) => {
    const code = finding.slice(33, finding.indexOf('@')) as keyof typeof FINDING_RULES;
    return FINDING_RULES[code].against === 'integrity' || FINDING_RULES[code].against === 'authority';
  });
}

/** Everything active, as `code@seq`, of a family of one session. */
function foundIn(links: readonly WrittenLink[], session = (links[0] as WrittenLink).session): string[] {
  return watchAtRest(views(links)).active(session);
}

interface Edited {
  readonly links: readonly WrittenLink[];
  readonly at: WrittenLink;
  readonly key: string;
  readonly to: AttributeValue | undefined;
}

const swapCase = (text: string): string => text.replace(/[a-z]/gi, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()));

function variants(value: AttributeValue | undefined): (AttributeValue | undefined)[] {
  if (value === undefined) return ['x', 7, ['x']];
  if (typeof value === 'number') return [value + 1, value - 1, -value, `${value}`, undefined];
  if (typeof value === 'string') return [`${value}x`, value.slice(1), `0${value.slice(1)}`, swapCase(value), '', 1, [value], undefined];
  return [[...value, 'x'], value.slice(1), [...value].reverse(), value.map((item) => `${item}x`), value[0], undefined];
}

const picks = fc.record({ script: moves, link: fc.nat(), key: fc.nat(), variant: fc.nat() });

function editOf({ script, link, key, variant }: typeof picks extends fc.Arbitrary<infer T> ? T : never): Edited {
  const links = play(script);
  const at = links[link % links.length] as WrittenLink;
  const keys = [...Object.keys(at.attributes).filter(coveredInTests), 'custody.extra', ATTR.errorType, ATTR.conversationId];
  const chosen = keys[key % keys.length] as string;
  const value = at.attributes[chosen];
  const to = variants(value).filter((other) => JSON.stringify(other) !== JSON.stringify(value));
  return { links, at, key: chosen, to: to[variant % to.length] };
}

/** What an edit of this key may bring beside the link's own `content_mismatch`, by the findings table. */
function trailOf({ at, key, links }: Edited, changed: WrittenLink): string[] {
  const here = `${changed.attributes[ATTR.sessionId]} content_mismatch@${changed.attributes[ATTR.seq]}`;
  if (key === ATTR.version) {
    // Not recomputed under an unknown version, and in a session that began under another one.
    const differs = at.seq === 1 ? 2 : at.seq;
    return links.some((link) => link.session === at.session && link.seq === differs) ? [`${at.session} inconsistent@${differs}`] : [];
  }
  if (key === ATTR.prev) return [`${at.session} broken_link@${at.seq}`, here];
  const disclosed = `${at.session} disclosure_mismatch@${at.seq}`;
  const shown = key === ATTR.argumentsDigest ? ATTR.toolArguments : key === ATTR.reasonDigest ? ATTR.reason : '';
  return shown in at.attributes ? [here, disclosed] : [here];
}

describe('an edit of a covered value', () => {
  test('is found at its seq, and accuses nothing else', () => {
    fc.assert(
      fc.property(picks, (pick) => {
        const edited = editOf(pick);
        const { links, at, key, to } = edited;
        const changed = edit(at, { [key]: to });
        const reading = readSpan(viewOf(changed), portableHashing);
        const watch = watchAtRest(views(links.map((link) => (link === at ? changed : link))));
        if (reading.type === 'malformed') {
          const { session, seq } = reading;
          if (session === '') expect(watch.log).toContainEqual(expect.objectContaining({ session: '', code: 'malformed', seq: 0 }));
          expect(accusations(watch)).toEqual(session === '' ? [] : [`${session} malformed@${seq}`]);
        } else if (key === ATTR.seq) {
          // It takes the place of another link: a fork there too, unless that place is empty.
          expect(accusations(watch)).toContain(`${at.session} content_mismatch@${to}`);
        } else {
          expect(accusations(watch)).toEqual(trailOf(edited, changed).sort());
        }
      }),
      { numRuns: 1500 },
    );
  });

  test('is found in every key of every kind of link', () => {
    const script = new Script();
    script.start({ principal: 'alice', owner: 'finance', memoryStore: 'notes' }).disclosed('a').outcome('a', 'error');
    script.intent('b', 'require_approval').approval('b').intent('c', 'allow', { parent: 'b' }).outcome('c').outcome('b');
    script
      .change({ model: 'ab'.repeat(32) })
      .spawn('cd'.repeat(16))
      .heartbeat()
      .loss(3, 3)
      .end();
    const { links } = script;
    for (const link of links) {
      for (const key of Object.keys(link.attributes).filter(coveredInTests)) {
        for (const to of variants(link.attributes[key])) {
          if (JSON.stringify(to) === JSON.stringify(link.attributes[key])) continue;
          const reading = readSpan(viewOf(edit(link, { [key]: to })), portableHashing);
          const passes = reading.type === 'link' && reading.link.recomputes;
          expect(passes, `${link.kind}: ${key} → ${JSON.stringify(to)}`).toBe(false);
        }
      }
    }
  });

  test('with the stated hash made right again breaks the next link, and that one alone', () => {
    fc.assert(
      fc.property(moves, fc.nat(), (script, pick) => {
        const family = play(script);
        const links = family.filter((link) => link.session === family[0]?.session);
        const at = links[pick % links.length] as WrittenLink;
        const found = foundIn(links.map((link) => (link === at ? rehash(link, { 'custody.note': 'nothing to see' }) : link)));
        expect(found.filter((finding) => !isAboutLineage(finding))).toEqual(at.seq === links.length ? [] : [`broken_link@${at.seq + 1}`]);
      }),
      { numRuns: 200 },
    );
  });
});

/** Sessions taken out of their family have no parent, or announce children that are not there. */
const isAboutLineage = (finding: string): boolean => /^(orphan_child|missing_child)@/.test(finding);

describe('every byte of a stored session', () => {
  test('is covered by a hash or a commitment: no flip of one passes as intact', () => {
    const script = new Script();
    script.start({ principal: 'alice' }).disclosed('a').outcome('a').intent('b', 'require_approval').approval('b').outcome('b');
    script
      .change({ tools: 'ab'.repeat(32) })
      .heartbeat()
      .end();
    const genuine = script.links.map((link): Reading => readSpan(viewOf(link), portableHashing));
    const seen = new Set<string>();
    for (const [i, link] of script.links.entries()) {
      for (const [flipped, what] of flips(link)) {
        const reading = readSpan(flipped, portableHashing);
        const watch = new Watch();
        for (const [j, other] of genuine.entries()) watch.take(i === j ? reading : other, 0);
        watch.tick(Number.POSITIVE_INFINITY);
        const atLarge = watch.log.some((finding) => finding.session === '');
        const strayed = reading.type === 'link' && reading.link.session !== script.id && !reading.link.recomputes;
        const broken = atLarge || strayed || watch.report(script.id).integrity === 'broken';
        if (!broken) seen.add(what);
      }
    }
    expect([...seen]).toEqual([]);
  });
});

/** The span with one bit flipped in one byte of one value or id, read from OTLP/JSON as a store would give it. */
function* flips(link: WrittenLink): Iterable<[ReturnType<typeof viewOf>, string]> {
  const attributes = Object.entries(link.attributes).map(([key, value]) => ({ key, value: jsonValue(value) }));
  const read = (traceId: string, spanId: string, changed: unknown): ReturnType<typeof viewOf> =>
    spansOfJson({ resourceSpans: [{ scopeSpans: [{ spans: [{ traceId, spanId, attributes: changed }] }] }] })[0] as never;
  for (const [i, { key, value }] of attributes.entries()) {
    const [kind, text] = Object.entries(value)[0] as [string, unknown];
    if (typeof text !== 'string') continue;
    for (const flipped of bitFlips(text)) {
      const changed = attributes.with(i, { key, value: { [kind]: flipped } as never });
      yield [read(link.traceId, link.spanId, changed), `${link.kind} ${key}: ${text} → ${flipped}`];
    }
  }
  for (const id of bitFlips(link.traceId))
    if (id.toLowerCase() !== link.traceId) yield [read(id, link.spanId, attributes), `trace id ${id}`];
  for (const id of bitFlips(link.spanId)) if (id.toLowerCase() !== link.spanId) yield [read(link.traceId, id, attributes), `span id ${id}`];
}

function* bitFlips(text: string): Iterable<string> {
  for (let i = 0; i < text.length; i++) {
    for (const bit of [1, 32]) yield text.slice(0, i) + String.fromCharCode(text.charCodeAt(i) ^ bit) + text.slice(i + 1);
  }
}

function jsonValue(value: AttributeValue): Record<string, unknown> {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'number') return { intValue: `${value}` };
  return { arrayValue: { values: value.map((item) => ({ stringValue: item })) } };
}

describe('dropping links', () => {
  test('never accuses anybody: any subset of honest links gives findings about completeness alone', () => {
    const subsets = fc.tuple(moves, fc.infiniteStream(fc.boolean()), fc.infiniteStream(fc.nat()), fc.boolean());
    fc.assert(
      fc.property(subsets, ([script, keep, order, mostly]) => {
        const links = play(script);
        const some = links.filter(() => keep.next().value || (mostly && keep.next().value));
        const shuffled = some.map((link) => ({ link, key: order.next().value as number })).sort((a, b) => a.key - b.key);
        const watch = watchAtRest(
          shuffled.map(({ link }) => viewOf(link)),
          approving(links),
        );
        expect(accusations(watch)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  test('never accuses anybody while they are late either, and all is healed when the last one is there', () => {
    const deliveries = fc.tuple(moves, fc.infiniteStream(fc.nat(150)));
    fc.assert(
      fc.property(deliveries, ([script, delays]) => {
        const links = play(script);
        const watch = new Watch({ gapGraceMs: 30, sessionIdleMs: 60 }, approving(links));
        const arrivals = links.map((link) => ({ link, at: delays.next().value as number })).sort((a, b) => a.at - b.at);
        for (let at = 0; at <= 400; at += 5) {
          while (arrivals[0] && arrivals[0].at <= at) watch.arrive(viewOf((arrivals.shift() as (typeof arrivals)[number]).link), at);
          watch.tick(at);
        }
        expect(watch.allActive()).toEqual([]);
        expect(watch.released.filter((release) => release.endsWith('broken'))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('is noticed at the right seq', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.nat(), fc.nat(), (count, from, length) => {
        const { links } = new Script().start().heartbeat(count).end();
        const first = 1 + (from % links.length);
        const last = Math.min(links.length, first + (length % links.length));
        const left = links.filter((link) => link.seq < first || link.seq > last);
        fc.pre(left.length > 0);
        const expected = last === links.length ? `unclosed@${first - 1}` : first === 1 ? 'missing_start@1' : `gap@${first}`;
        expect(foundIn(left)).toEqual([expected]);
      }),
    );
  });

  test('of a tail leaves the session unclosed at the highest seq that is left', () => {
    const { links } = new Script().start().intent('a').outcome('a').heartbeat(3).end();
    for (let kept = 1; kept < links.length; kept++) {
      const expected = kept === 2 ? ['unfinished_action@2', 'unclosed@2'] : [`unclosed@${kept}`];
      expect(foundIn(links.slice(0, kept)).sort()).toEqual(expected.sort());
    }
  });
});

/** A register that approves every state that these links go through, and nothing else. */
function approving(links: readonly WrittenLink[]): Parameters<typeof watchAtRest>[1] {
  const entries = [];
  const latest = new Map<string, Record<string, string>>();
  for (const link of links) {
    if (link.kind !== 'session.start' && link.kind !== 'fingerprint.change') continue;
    const components = { ...latest.get(link.session) };
    for (const [key, value] of Object.entries(link.attributes)) {
      const name = /^custody\.fingerprint\.(.*)$/.exec(key)?.[1];
      if (name && name !== 'previous' && name !== 'changed') components[name] = value as string;
    }
    latest.set(link.session, components);
    const rest = { by: 'bob', ticket: 'CHG-1', from: '2020-01-01T00:00:00Z', until: null, withdrawn: null };
    entries.push({ agent: 'billing-bot', components, ...rest });
  }
  return { version: 1, entries };
}

describe('moving links', () => {
  const heartbeats = (seed: string): WrittenLink[] => new Script(seed).start().heartbeat(5).end().links;

  test.each([
    [2, 3],
    [2, 6],
    [3, 5],
  ])('link %i and link %i exchanged are both found', (a, b) => {
    const links = heartbeats('swap');
    const swapped = links.map((link) =>
      link.seq === a ? edit(link, { [ATTR.seq]: b }) : link.seq === b ? edit(link, { [ATTR.seq]: a }) : link,
    );
    expect(foundIn(swapped)).toEqual(expect.arrayContaining([`content_mismatch@${a}`, `content_mismatch@${b}`]));
  });

  test.each([
    [2, 3],
    [3, 5],
  ])('link %i and link %i exchanged, each with its hash made right, break the chain at both', (a, b) => {
    const links = heartbeats('swap');
    const swapped = links.map((link) =>
      link.seq === a ? rehash(link, { [ATTR.seq]: b }) : link.seq === b ? rehash(link, { [ATTR.seq]: a }) : link,
    );
    expect(foundIn(swapped)).toEqual(expect.arrayContaining([`broken_link@${a}`, `broken_link@${b}`, `broken_link@${b + 1}`]));
  });

  test('a link spliced in from another session is found there', () => {
    const [mine, other] = [heartbeats('mine'), heartbeats('other')];
    const stolen = edit(other[3] as WrittenLink, { [ATTR.sessionId]: (mine[0] as WrittenLink).session });
    expect(foundIn(mine.map((link) => (link.seq === 4 ? stolen : link)))).toEqual(['broken_link@4', 'content_mismatch@4', 'broken_link@5']);
    expect(foundIn(mine.map((link) => (link.seq === 4 ? rehash(stolen) : link)))).toEqual(['broken_link@4', 'broken_link@5']);
  });

  test('a whole session replayed under a new id recomputes nowhere', () => {
    const links = heartbeats('replay');
    const session = 'ee'.repeat(16);
    const replayed = links.map((link) => edit(link, { [ATTR.sessionId]: session }));
    expect(foundIn(replayed, session)).toEqual(links.map((link) => `content_mismatch@${link.seq}`));
  });

  test('a link carried by another span recomputes no more', () => {
    const links = heartbeats('moved');
    const moved = { ...(links[2] as WrittenLink), spanId: '00000000000000ff' };
    expect(foundIn(links.map((link) => (link.seq === 3 ? moved : link)))).toEqual(['content_mismatch@3']);
    const elsewhere = { ...(links[2] as WrittenLink), traceId: `${'0'.repeat(30)}ff` };
    expect(foundIn(links.map((link) => (link.seq === 3 ? elsewhere : link)))).toEqual(['content_mismatch@3']);
  });
});

describe('adding links', () => {
  const honest = (): WrittenLink[] => new Script('honest').start().intent('a', 'deny').outcome('a', 'denied').heartbeat(2).end().links;

  test('a second link for one place is a fork, whichever comes first', () => {
    const links = honest();
    const forged = rehash(links[3] as WrittenLink, { 'custody.note': 'another history' });
    expect(foundIn([...links, forged])).toEqual(['fork@4']);
    expect(foundIn([forged, ...links])).toEqual(['fork@4']);
  });

  test('a fork that goes on for two links is told at both', () => {
    const links = honest();
    const [fourth, fifth] = rechain([links[3] as WrittenLink, links[4] as WrittenLink], () => ({ 'custody.note': 'another history' }));
    expect(foundIn([...links, fourth as WrittenLink, fifth as WrittenLink])).toEqual(['fork@4', 'fork@5']);
  });

  test.each(['before', 'after'])('an edited copy %s the genuine link is found, and accuses of nothing else', (when) => {
    const links = honest();
    for (const link of links) {
      const copy = edit(link, { 'custody.note': 'edited' });
      expect(foundIn(when === 'after' ? [...links, copy] : [copy, ...links])).toEqual([`content_mismatch@${link.seq}`]);
    }
  });

  test('a link after session.end is found, however well it is chained', () => {
    const links = honest();
    const end = links.at(-1) as WrittenLink;
    const more = rehash(links[4] as WrittenLink, { [ATTR.seq]: end.seq + 1, [ATTR.prev]: end.hash });
    expect(foundIn([...links, more])).toEqual([`after_end@${end.seq + 1}`]);
  });

  test('a denied action that ran is found, however well it is chained', () => {
    const { links } = new Script('deny').start().intent('a', 'deny').outcome('a', 'ok').end();
    expect(foundIn(links)).toEqual(['executed_after_deny@3']);
  });

  test('a status turned from ok to denied is a changed link, and one made right again breaks the chain', () => {
    const { links } = new Script('deny').start().intent('a', 'deny').outcome('a', 'ok').end();
    const hide = (how: typeof edit): string[] =>
      foundIn(links.map((link) => (link.seq === 3 ? how(link, { [ATTR.actionStatus]: 'denied' }) : link)));
    expect(hide(edit)).toEqual(['content_mismatch@3']);
    expect(hide(rehash)).toEqual(['broken_link@4']);
  });

  test('one forged seq of 2^53-1 costs an interval, not a walk', () => {
    const links = honest();
    const last = links.at(-1) as WrittenLink;
    const forged = rehash(links[4] as WrittenLink, { [ATTR.seq]: Number.MAX_SAFE_INTEGER });
    expect(foundIn([...links, forged])).toEqual([`gap@${last.seq + 1}`, `after_end@${Number.MAX_SAFE_INTEGER}`]);
  });

  test('a truncated session with a forged end is found as soon as one more of its links is there', () => {
    const links = honest();
    const third = links[2] as WrittenLink;
    const end = rehash(links.at(-1) as WrittenLink, {
      [ATTR.seq]: 4,
      [ATTR.prev]: third.hash,
      [ATTR.sessionLinks]: 4,
    });
    expect(foundIn([...links.slice(0, 3), end])).toEqual([]); // what version 1 does not claim
    expect(foundIn([...links.slice(0, 4), end])).toEqual(['fork@4']);
    expect(foundIn([...links.slice(0, 3), end, links[4] as WrittenLink])).toEqual(['after_end@5', 'broken_link@5']);
  });

  test('an outcome rewritten to be that of another action accuses neither', () => {
    const { links } = new Script('mixed').start().intent('a').intent('b').outcome('a').outcome('b').end();
    const mixed = links.map((link) => (link.seq === 4 ? edit(link, { [ATTR.actionId]: 'b' }) : link));
    expect(foundIn(mixed)).toEqual(['unfinished_action@2', 'content_mismatch@4']);
  });
});

test('worlds of different seeds share no id', () => {
  const ids = (seed: string): string[] => play([], new World(seed)).map((link) => link.spanId);
  expect(ids('one').filter((id) => ids('two').includes(id))).toEqual([]);
});
