import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FINDING_RULES } from '@agent-custody/chain';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endedOtherwise, isDoomed } from './soak-agents.js';
import { type SessionFinding, type Soaked, soak } from './soak-run.js';

// Agents that do anything that an honest agent may do and die in every way there is, side by side on one spool directory; a
// collector that is killed again and again; a Tempo that fails at times. All that it may cost is an end that never came.
//
// The run among the tests is small. A long one:
//   SOAK_MINUTES=20 SOAK_SEED=5 npx vitest run --config test/vitest.config.ts test/soak.test.ts

const minutes = Number(process.env['SOAK_MINUTES'] ?? 0);
const until = Date.now() + minutes * 60_000;
const folder = mkdtempSync(join(tmpdir(), 'custody-soak-'));
const given = {
  folder,
  seed: Number(process.env['SOAK_SEED'] ?? 1),
  slots: ['a', 'b', 'c'],
  go: (processes: number) => (minutes > 0 ? Date.now() < until : processes <= 6),
  deadlyAfter: minutes > 0 ? 40 : 12,
};

let soaked: Soaked;
beforeAll(
  async () => {
    soaked = await soak(given);
    if (minutes > 0) process.stderr.write(`${JSON.stringify(counts(soaked))}\n`);
  },
  120_000 + minutes * 90_000,
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const told = ({ session, code, seq }: SessionFinding): string => `${session} ${code}@${seq} of ${soaked.agents.owners.get(session)}`;
const doomed = (session: string): boolean => isDoomed(soaked.agents.owners.get(session) ?? '', soaked.runs);

describe('whatever honest agents do, and however they and the collector die', () => {
  test('nothing was found that speaks against integrity or authority, at any time', () => {
    const grave = soaked.found.filter(({ code }) => ['integrity', 'authority'].includes(FINDING_RULES[code].against));
    expect(grave.map(told)).toEqual([]);
    const judged = soaked.atRest.map(({ integrity, authority }) => `${integrity} ${authority}`);
    expect(new Set(judged)).toEqual(new Set(['intact unknown']));
  });

  test('what is incomplete belongs to a process that was killed', () => {
    const codes = ['unclosed', 'unfinished_action', 'missing_child', 'late'];
    const standing = soaked.atRest.flatMap(({ session, findings }) => findings.map((finding) => ({ session, ...finding })));
    const unexplained = [...soaked.found, ...standing].filter(
      ({ session, code, healed }) => !healed && code !== 'late' && !(codes.includes(code) && doomed(session)),
    );
    expect(unexplained.map(told)).toEqual([]);
  });

  test('a session that ended is intact and complete', () => {
    const ended = soaked.atRest.filter(({ session }) => soaked.agents.ended.has(session) && !doomed(session));
    expect(ended.filter(({ completeness }) => completeness !== 'complete')).toEqual([]);
    const open = soaked.atRest.filter(({ session }) => !soaked.agents.ended.has(session) && !doomed(session));
    expect(open).toEqual([]);
  });

  test('every link that was acknowledged is in the ledger, and nothing else is', () => {
    expect(soaked.ledger).toEqual(soaked.agents.links);
  });

  test('every span that was acknowledged is in Tempo, and a link once', () => {
    expect(soaked.tempo.missing(soaked.agents.spans)).toEqual([]);
    // Other spans have nothing to be known by when an agent sends them again.
    expect(soaked.tempo.repeated(soaked.agents.linkSpans)).toEqual([]);
  });

  test('no tool ran that was not announced', () => {
    expect(soaked.journal.filter((line) => !soaked.agents.announced.has(line.split(' ')[1] as string))).toEqual([]);
  });

  test('every process ended as it would have without', () => {
    expect(endedOtherwise(soaked.runs)).toEqual([]);
  });

  test('enough went on for all that to mean something', () => {
    const { processes, killed, sessions, links, kills } = counts(soaked);
    expect(processes).toBeGreaterThan(10);
    expect(killed).toBeGreaterThan(2);
    // What is killed early leaves little, and on a slow machine more is: this says no more than that it was no empty run.
    expect(sessions).toBeGreaterThan(12);
    expect(links).toBeGreaterThan(100);
    expect(kills).toBeGreaterThan(2);
  });
});

function counts({ runs, kills, agents, found, atRest, journal }: Soaked) {
  const tally = (values: readonly string[]): Record<string, number> =>
    Object.fromEntries([...new Set(values)].map((value) => [value, values.filter((other) => other === value).length]));
  return {
    processes: runs.length,
    killed: runs.filter(({ signal }) => signal === 'SIGKILL').length,
    endings: tally(runs.map(({ ending }) => ending)),
    kills,
    sessions: atRest.length,
    complete: atRest.filter(({ completeness }) => completeness === 'complete').length,
    links: agents.links.size,
    spans: agents.spans.size,
    toolsRun: journal.length,
    found: tally(found.map(({ code, healed }) => `${code}${healed ? ' healed' : ''}`)),
  };
}
