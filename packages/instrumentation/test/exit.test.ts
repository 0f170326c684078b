import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ATTR, type LinkCopy } from '@agent-custody/chain';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findings, judge, linksOfRecords } from './support/recording.js';

const script = fileURLToPath(new URL('fixtures/agent.js', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'custody-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a process that ended like this left behind. */
function leftBy(how: string): { readonly status: number | null; readonly stderr: string; readonly links: readonly LinkCopy[] } {
  const file = join(folder, 'evidence');
  const { status, stderr } = spawnSync(process.execPath, [script, file, how], { encoding: 'utf8' });
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return { status, stderr, links: linksOfRecords(lines.map((line, seq) => ({ session: '', seq, bytes: Buffer.from(line, 'base64') }))) };
}
const ends = (links: readonly LinkCopy[]) =>
  links.flatMap((link) => (link.kind === 'session.end' ? [link.attributes[ATTR.sessionOutcome]] : []));
const statuses = (links: readonly LinkCopy[]) =>
  links.flatMap((link) => (link.kind === 'action.outcome' ? [link.attributes[ATTR.actionStatus]] : []));

test.each([
  ['comes to its end', 'end', 0, ['completed', 'shutdown'], ['ok', 'ok']],
  ['calls process.exit in the middle of a tool', 'exit', 3, ['shutdown', 'shutdown'], ['ok', 'cancelled']],
  ['dies of an uncaught error in the middle of a tool', 'throw', 1, ['shutdown', 'shutdown'], ['ok', 'cancelled']],
  // Node's own status for a main module whose promise never settles would be 13; here no promise is awaited by it.
  ['has nothing left to wait for in the middle of a tool', 'hang', 0, ['shutdown', 'shutdown'], ['ok', 'cancelled']],
])('a process that %s leaves whole chains, and its own exit status', (_what, how, status, sessions, actions) => {
  const left = leftBy(how);
  expect(left.status).toBe(status);
  expect(ends(left.links)).toEqual(sessions);
  expect(statuses(left.links)).toEqual(actions);
  expect(findings(left.links)).toEqual([]);
});

test('a rejection that nobody handles ends the process as it would have without us, with its own error', () => {
  const left = leftBy('reject');
  expect(left.status).toBe(1);
  expect(left.stderr.match(/RangeError: nobody handles this\n +at reject/g)).toHaveLength(1);
  expect(statuses(left.links)).toEqual(['ok', 'error']);
  expect(ends(left.links)).toEqual(['error', 'shutdown']);
  expect(findings(left.links)).toEqual([]);
});

test('a process that is killed in the middle of a tool leaves the intent', () => {
  const { links } = leftBy('kill');
  const found = judge(links).map((report) => report.findings.map((finding) => finding.code));
  expect(found).toEqual([['unclosed'], ['unclosed', 'unfinished_action']]);
  expect(links.filter((link) => link.attributes[ATTR.toolName] === 'pay').map((link) => link.kind)).toEqual(['action.intent']);
});
