import { describe, expect, it } from 'vitest';
import { Families } from '../src/policy/families.js';
import type { RecordedSession } from '../src/policy/recorded.js';

// Which sessions were one to information flow, as far as their starts say.

const recorded = (session: string, parent?: string, family?: string): RecordedSession => ({
  session,
  agent: 'clerk',
  principal: undefined,
  process: 'one',
  parent,
  family,
  events: [],
  unsound: 0,
  missing: 0,
  disputed: 0,
});

describe('the families of recorded sessions', () => {
  it('go on as long as any session of theirs, in whatever order they end', () => {
    const families = new Families();
    const [outer, child] = [recorded('outer', undefined, 'f'), recorded('child', 'outer', 'f')];
    expect([families.of(outer), families.of(child)]).toEqual([['f'], ['f']]);
    expect([families.end(outer), families.end(child)]).toEqual([[], ['f']]);
  });

  it('wait for a child that is announced and has not started', () => {
    const families = new Families();
    const [outer, child] = [recorded('outer', undefined, 'f'), recorded('child', 'outer', 'f')];
    families.of(outer);
    families.announce('child', outer);
    expect(families.end(outer)).toEqual([]);
    expect(families.of(child)).toEqual(['f']);
    expect(families.end(child)).toEqual(['f']);
  });

  it('that were started in another one keep that one, and have what it has', () => {
    const families = new Families();
    const [outer, inner, innermost] = [
      recorded('outer', undefined, 'f'),
      recorded('inner', 'outer', 'g'),
      recorded('innermost', 'inner', 'h'),
    ];
    for (const session of [outer, inner]) families.of(session);
    expect(families.of(innermost)).toEqual(['h', 'g', 'f']);
    expect([families.end(inner), families.end(outer), families.end(innermost)]).toEqual([[], [], ['h', 'g', 'f']]);
  });

  it('take in what comes after a session that has ended, while anything around it goes on', () => {
    const families = new Families();
    const [outer, inner, successor] = [recorded('outer', undefined, 'f'), recorded('inner', 'outer', 'g'), recorded('later', 'inner', 'g')];
    for (const session of [outer, inner]) families.of(session);
    expect(families.end(inner)).toEqual(['g']);
    expect(families.of(successor)).toEqual(['g', 'f']);
    expect([families.end(successor), families.end(outer)]).toEqual([['g'], ['f']]);
    expect(families.of(recorded('last', 'later', 'g'))).toEqual(['g']);
  });

  it('are a session’s own where it does not say, or its parent is of another process', () => {
    const families = new Families();
    expect(families.of(recorded('a', 'elsewhere'))).toEqual(['family of a']);
    expect(families.of(recorded('b', 'a'))).toEqual(['family of b', 'family of a']);
  });
});
