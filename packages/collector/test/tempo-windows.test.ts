import { describe, expect, it } from 'vitest';
import type { SecondsRange, TempoReader } from '../src/tempo/client.js';
import { TempoError } from '../src/tempo/errors.js';
import { type Found, tracesIn, type WindowOptions } from '../src/tempo/windows.js';
import { newId } from './sessions.js';

interface Asked extends SecondsRange {
  readonly limit: number;
}

/** A Tempo with traces at these seconds, which shows any `limit` of those that overlap a range. */
function tempoWith(
  seconds: readonly number[],
  maxLimit = 262_144,
): { readonly reader: TempoReader; readonly ids: readonly string[]; readonly asked: Asked[] } {
  const traces = seconds.map((at) => ({ at, id: newId(16) }));
  const asked: Asked[] = [];
  const reader: TempoReader = {
    search: async (_query, range, limit) => {
      if (limit > maxLimit) throw new TempoError('refused', `limit ${limit} exceeds max limit ${maxLimit}`);
      asked.push({ ...range, limit });
      const found = traces.filter(({ at }) => at >= range.start && at <= range.end).map(({ id }) => id);
      return (asked.length % 2 === 0 ? found : found.reverse()).slice(0, limit);
    },
    trace: () => Promise.reject(new Error('not asked')),
  };
  return { reader, ids: traces.map(({ id }) => id), asked };
}

async function all(reader: TempoReader, range: SecondsRange, options?: WindowOptions): Promise<Found[]> {
  const out: Found[] = [];
  for await (const found of tracesIn(reader, '{ }', range, options)) out.push(found);
  return out;
}
const idsOf = (found: readonly Found[]): string[] => found.flatMap((one) => (one.type === 'traces' ? one.ids : []));

describe('searching through a range', () => {
  it('asks once when the answer is not full', async () => {
    const { reader, ids, asked } = tempoWith([100, 200, 300]);
    expect(idsOf(await all(reader, { start: 1, end: 1_000 })).sort()).toEqual([...ids].sort());
    expect(asked).toEqual([{ start: 1, end: 1_000, limit: 500 }]);
  });

  it('finds every trace of many more than one search shows, each once', async () => {
    const seconds = Array.from({ length: 1_000 }, (_, i) => 10 + i * 7);
    const { reader, ids, asked } = tempoWith(seconds);
    const found = idsOf(await all(reader, { start: 1, end: 8_000 }, { limit: 20 }));
    expect(found).toHaveLength(1_000);
    expect(new Set(found)).toEqual(new Set(ids));
    expect(asked.every(({ limit }) => limit === 20)).toBe(true);
  });

  it('asks for more where one second alone is full', async () => {
    const { reader, ids } = tempoWith([...Array.from({ length: 90 }, () => 500), 700]);
    const found = await all(reader, { start: 1, end: 1_000 }, { limit: 10 });
    expect(new Set(idsOf(found))).toEqual(new Set(ids));
    expect(found.filter(({ type }) => type === 'overfull')).toEqual([]);
  });

  it('says where Tempo would not show everything', async () => {
    const { reader } = tempoWith(
      Array.from({ length: 200 }, () => 500),
      100,
    );
    const found = await all(reader, { start: 500, end: 501 }, { limit: 10 });
    expect(found).toContainEqual({ type: 'overfull', at: 500 });
  });

  it('never asks for more than a day at once, newest first', async () => {
    const { reader, asked } = tempoWith([]);
    await all(reader, { start: 1, end: 200_001 });
    expect(asked.map(({ start, end }) => [start, end])).toEqual([
      [172_801, 200_001],
      [86_401, 172_801],
      [1, 86_401],
    ]);
  });
});
