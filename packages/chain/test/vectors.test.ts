import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type CommittedField, canonicalize, commitment, fingerprintDigest, linkHash, portableHashing, readSpan } from '../src/index.js';
import { byCodeAndSeq, judgeAtRest, load, registerOf, type SessionVector, spansOf } from './vectors.js';

vi.setConfig({ testTimeout: 60_000 });

describe('fingerprints.json', () => {
  test.each(load<{ component: string; value: unknown; digest: string }[]>('fingerprints'))(
    '$component $digest',
    ({ component, value, digest }) => {
      expect(fingerprintDigest(component, value, portableHashing)).toBe(digest);
    },
  );
});

describe('commitments.json', () => {
  test.each(load<{ field: CommittedField; value: unknown; salt: string; digest: string }[]>('commitments'))('$field $digest', (vector) => {
    expect(commitment(vector.field, canonicalize(vector.value), vector.salt, portableHashing)).toBe(vector.digest);
  });
});

describe('links.json', () => {
  interface LinkVector {
    readonly attributes: Record<string, string | number | string[]>;
    readonly trace_id: string;
    readonly span_id: string;
    readonly preimage: string;
    readonly hash: string;
  }
  test.each(load<LinkVector[]>('links').map((vector) => [vector.attributes['custody.link.seq'], vector] as const))(
    'link %s',
    (_seq, vector) => {
      const view = { traceId: vector.trace_id, spanId: vector.span_id, attributes: Object.entries(vector.attributes) };
      const reading = readSpan(view, portableHashing);
      if (reading.type !== 'link') throw new Error(JSON.stringify(reading));
      expect(reading.link.preimage).toBe(vector.preimage);
      expect(linkHash(reading.link.preimage, portableHashing)).toBe(vector.hash);
      expect(reading.link.recomputes).toBe(true);
      expect(reading.link.disclosure).not.toBe('mismatch');
    },
  );
});

const streams = [
  ...load<SessionVector[]>('sessions'),
  ...load<SessionVector[]>('register').map((v) => ({ ...v, name: `register: ${v.name}` })),
  ...load<SessionVector[]>('own-sessions').map((v) => ({ ...v, name: `own: ${v.name}` })),
];

describe('sessions.json and register.json', () => {
  test.each(streams.map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
    expect(judgeAtRest(spansOf(vector), registerOf(vector), vector.limits).reports).toEqual(expected(vector));
  });
});

describe('any order of arrival, and any duplication, gives the same', () => {
  test.each(streams.map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
    const spans = spansOf(vector);
    const order = fc.shuffledSubarray([...spans, ...spans], { minLength: spans.length, maxLength: spans.length * 2 });
    fc.assert(
      fc.property(order, (some) => {
        const all = [...some, ...spans.filter((span) => !some.includes(span))];
        expect(judgeAtRest(all, registerOf(vector), vector.limits).reports).toEqual(expected(vector));
      }),
      { numRuns: spans.length > 30 ? 5 : 25 },
    );
  });
});

function expected(vector: SessionVector): SessionVector['expect'] {
  return Object.fromEntries(Object.entries(vector.expect).map(([id, e]) => [id, { ...e, findings: [...e.findings].sort(byCodeAndSeq) }]));
}
