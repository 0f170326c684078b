import { ATTR, type LinkCopy, readSpan, type WrittenLink } from '@agent-custody/chain';
import { describe, expect, it } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { scanRequest } from '../src/scan/index.js';
import { compareLinks, toldOf } from '../src/verify/compare.js';
import { bodyOf, edited, newId, recordOf, sessionOf } from './sessions.js';

function copies(links: readonly WrittenLink[]): LinkCopy[] {
  return scanRequest(bodyOf(links.map(recordOf))).spans.flatMap((span) => {
    const reading = readSpan(span.view, nodeHashing);
    return reading.type === 'link' ? [reading.link] : [];
  });
}
const brief = (divergences: ReturnType<typeof compareLinks>): readonly string[] => divergences.map(({ kind, seq }) => `${kind}@${seq}`);
const session = sessionOf();

describe('a store held against the record', () => {
  it('is the same with the same links, in any order and twice', () => {
    expect(compareLinks(copies(session), [...copies(session), ...copies(session)].reverse())).toEqual([]);
  });

  it('lacks a link, holds another one, and holds one that is not on record', () => {
    const stored = copies(session.map((link) => (link.seq === 2 ? edited(link) : link)).filter(({ seq }) => seq !== 4));
    const recorded = copies(session.filter(({ seq }) => seq !== 6));
    expect(brief(compareLinks(recorded, stored))).toEqual(['altered@2', 'lost@4', 'foreign@6']);
  });

  it('holds a link under another span: its ids differ, and nothing else need to', () => {
    const [divergence] = compareLinks(
      copies(session),
      copies(session.map((link) => (link.seq === 3 ? { ...link, spanId: newId(8) } : link))),
    );
    expect(divergence).toMatchObject({
      kind: 'altered',
      seq: 3,
      detail: 'link 3 is not in Tempo as it is on record: the ids of its span differs',
    });
  });

  it('is the same when both hold every copy of a place, edited ones included', () => {
    const both = [...session, ...session.filter(({ seq }) => seq === 2).map(edited)];
    expect(compareLinks(copies(both), copies(both))).toEqual([]);
    expect(brief(compareLinks(copies(both), copies(session)))).toEqual(['lost@2']);
  });

  it('is not asked for what is not expected there', () => {
    expect(compareLinks(copies(session), copies(session.slice(0, 3)), { expected: ({ seq }) => seq < 4 })).toEqual([]);
  });

  it('may hold links that the record was too full for', () => {
    expect(brief(compareLinks(copies(session.slice(0, 2)), copies(session), { boundedFrom: 4 }))).toEqual(['foreign@3']);
  });

  it('names attributes that differ and never what they hold', () => {
    const stored = copies(session.map((link) => (link.seq === 2 ? edited(link) : link)));
    const [divergence] = compareLinks(copies(session), stored);
    expect(divergence?.detail).toBe(`link 2 is not in Tempo as it is on record: ${ATTR.agentName} differs`);
  });
});

describe('what is told of a comparison', () => {
  const divergences = compareLinks(copies(session), []);

  it('is one thing when nothing of a session is there, or nothing on record', () => {
    expect(toldOf(divergences, { recorded: 6, stored: 0 })).toMatchObject([
      { seq: 1, detail: 'none of the 6 links on record is in Tempo' },
    ]);
    const foreign = compareLinks([], copies(session));
    expect(toldOf(foreign, { recorded: 0, stored: 6 })).toMatchObject([{ seq: 1, detail: expect.stringContaining('not on record here') }]);
  });

  it('is link by link otherwise, up to a hundred', () => {
    expect(toldOf(divergences, { recorded: 6, stored: 1 })).toBe(divergences);
    const many = Array.from({ length: 250 }, (_, i) => ({ ...divergences[0], seq: i + 1 })) as typeof divergences;
    const told = toldOf(many, { recorded: 300, stored: 50 });
    expect(told).toHaveLength(100);
    expect(told.at(-1)?.detail).toContain('150 links behind it');
    expect(told.flatMap(({ lost }) => lost)).toHaveLength(250);
  });
});
