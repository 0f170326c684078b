import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { type Register, readSpan } from '@agent-custody/chain';
import { describe, expect, it } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { readRequests } from '../src/verify/file-source.js';
import { Judge, type Judgement } from '../src/verify/judge.js';

interface Vector {
  readonly name: string;
  readonly requests: readonly unknown[];
  readonly register?: Register;
  readonly expect: Readonly<
    Record<string, { integrity: string; completeness: string; authority: string; findings: readonly [string, number][] }>
  >;
}

const vectors = ['sessions', 'register'].flatMap(
  (name) => JSON.parse(readFileSync(new URL(`../../chain/vectors/${name}.json`, import.meta.url), 'utf8')) as Vector[],
);

async function judge(lines: readonly string[], register?: Register): Promise<Judgement> {
  const judge = new Judge({ hashing: nodeHashing, register });
  for await (const read of readRequests(Readable.from([Buffer.from(lines.join('\n'))]))) {
    if (read.type === 'problem') throw new Error(`line ${read.line}: ${read.problem}`);
    for (const view of read.spans) judge.take(readSpan(view, nodeHashing), 0);
  }
  return judge.conclude(Number.POSITIVE_INFINITY);
}

describe('a file of requests is judged as the vectors say', () => {
  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
    const { sessions } = await judge(
      vector.requests.map((request) => JSON.stringify(request)),
      vector.register,
    );
    const found = sessions.map(({ session, integrity, completeness, authority, findings }) => [
      session,
      {
        integrity,
        completeness,
        authority,
        findings: findings
          .filter(({ severity }) => severity !== 'info')
          .map(({ code, seq }) => `${code} ${seq}`)
          .sort(),
      },
    ]);
    const expected = Object.entries(vector.expect).map(([session, verdict]) => [
      session,
      { ...verdict, findings: verdict.findings.map(([code, seq]) => `${code} ${seq}`).sort() },
    ]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
  });
});
