import { ATTR, commitment } from '@agent-custody/chain';
import { describe, expect, it } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { scanRequest } from '../src/scan/index.js';
import type { ScannedSpan } from '../src/scan/types.js';
import { readCovered, readStoredSpan } from '../src/tempo/cut.js';
import { traceOf } from '../src/tempo/trace-answer.js';
import { disclosingSession } from './disclosing-session.js';
import { bodyOf, recordOf } from './sessions.js';
import { TempoStore } from './tempo-store.js';

const LIMIT = 2048;

/** The intent of a session with this reason and these arguments, as a store that cuts gives it. */
function storedIntent(content: { readonly reason?: string; readonly arguments?: string }, tears: boolean): ScannedSpan {
  const intent = disclosingSession(content)[1];
  if (intent === undefined) throw new Error('no intent');
  const store = new TempoStore();
  store.limits.tears = tears;
  store.take(bodyOf([recordOf(intent)]));
  const [span] = traceOf(store.encode(intent.traceId)).spans;
  if (span === undefined) throw new Error('no span');
  return span;
}

const quoted = (bytes: number, character: string): string =>
  JSON.stringify(character.repeat(Math.ceil((bytes - 2) / Buffer.byteLength(character))));

describe('content that a store cut', () => {
  it.each([
    ['ASCII', 'a', true, 2048],
    ['two-byte characters, torn', 'é', true, 2048],
    ['two-byte characters, not torn', 'é', false, 2047],
    ['three-byte characters, torn', '€', true, 2048],
    ['three-byte characters, not torn', '€', false, 2047],
    ['four-byte characters, torn', '😀', true, 2048],
    ['four-byte characters, not torn', '😀', false, 2045],
  ] as const)('(%s) is named as cut; the link recomputes and nothing is a mismatch', (_what, character, tears, left) => {
    const text = quoted(3_000, character);
    const { reading, cut } = readStoredSpan(storedIntent({ arguments: text }, tears), LIMIT, nodeHashing);
    expect(reading).toMatchObject({ type: 'link', link: { recomputes: true, disclosure: 'none' } });
    expect(cut.map(({ seq, key, rest }) => ({ seq, key, left: rest.length }))).toEqual([{ seq: 2, key: ATTR.toolArguments, left }]);
    expect(Buffer.from(text).subarray(0, left)).toEqual(cut[0]?.rest);
  });

  it('is only what is cut: the rest on the same span is verified', () => {
    const { reading, cut } = readStoredSpan(
      storedIntent({ arguments: quoted(3_000, 'a'), reason: 'The invoice is due.' }, true),
      LIMIT,
      nodeHashing,
    );
    expect(reading).toMatchObject({ type: 'link', link: { disclosure: 'verified' } });
    expect(cut.map(({ key }) => key)).toEqual([ATTR.toolArguments]);
  });

  it('is none when content of just that length matches its digest', () => {
    const { reading, cut } = readStoredSpan(storedIntent({ arguments: quoted(2_048, 'a') }, true), LIMIT, nodeHashing);
    expect(reading).toMatchObject({ type: 'link', link: { disclosure: 'verified' } });
    expect(cut).toEqual([]);
  });

  it.each([
    [LIMIT - 4, 'mismatch'],
    [LIMIT + 1, 'mismatch'],
    [LIMIT - 3, 'none'],
    [LIMIT, 'none'],
  ] as const)('is judged by its length alone: %i bytes that do not match are a %s', (bytes, disclosure) => {
    const [, intent] = disclosingSession({ arguments: '"whole"' });
    if (intent === undefined) throw new Error('no intent');
    const attributes = { ...intent.attributes, [ATTR.toolArguments]: quoted(bytes, 'b') };
    const [span] = scanRequest(bodyOf([recordOf({ ...intent, attributes })])).spans;
    if (span === undefined) throw new Error('no span');
    expect(readStoredSpan(span, LIMIT, nodeHashing).reading).toMatchObject({ type: 'link', link: { disclosure } });
  });

  it('does not hide another content on the same span that was edited', () => {
    const [, intent] = disclosingSession({ arguments: '"whole"', reason: 'The invoice is due.' });
    if (intent === undefined) throw new Error('no intent');
    const attributes = { ...intent.attributes, [ATTR.toolArguments]: quoted(LIMIT, 'b'), [ATTR.reason]: 'Because.' };
    const [span] = scanRequest(bodyOf([recordOf({ ...intent, attributes })])).spans;
    if (span === undefined) throw new Error('no span');
    expect(readStoredSpan(span, LIMIT, nodeHashing).reading).toMatchObject({ type: 'link', link: { disclosure: 'mismatch' } });
  });

  it('never matters to what the hash covers', () => {
    const span = storedIntent({ arguments: quoted(3_000, '😀') }, true);
    expect(readCovered(span, nodeHashing)).toMatchObject({ type: 'link', link: { recomputes: true, disclosure: 'none' } });
  });

  it('is made by this session with digests that a verifier takes', () => {
    const [, intent] = disclosingSession({ arguments: '"whole"' });
    const salt = String(intent?.attributes[ATTR.saltArguments]);
    expect(intent?.attributes[ATTR.argumentsDigest]).toBe(commitment('arguments', '"whole"', salt, nodeHashing));
  });
});
