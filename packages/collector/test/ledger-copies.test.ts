import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LinkCopy, readSpan } from '@agent-custody/chain';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { type Ledger, openSqliteLedger, readSqliteLedger } from '../src/ledger/index.js';
import { scannedOf, sessionOf } from './sessions.js';

// A ledger's file is what is copied, kept, put on a medium and given to an auditor.

let directory: string;
let path: string;
const opened: Ledger[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'custody-copies-'));
  path = join(directory, 'ledger.db');
});

afterEach(() => {
  for (const ledger of opened.splice(0)) ledger.close();
  rmSync(directory, { recursive: true, force: true });
});

const LINKS: readonly LinkCopy[] = scannedOf(sessionOf()).spans.flatMap(({ view }) => {
  const reading = readSpan(view, nodeHashing);
  return reading.type === 'link' ? [reading.link] : [];
});

function keepAll(ledger: Ledger): void {
  ledger.transaction(() => {
    for (const link of LINKS) ledger.keep(link);
  });
}

test('a ledger that was closed, even with a reader, is whole in its file: whoever copies that has the evidence', () => {
  const ledger = openSqliteLedger(path);
  const reader = readSqliteLedger(path);
  opened.push(reader);
  reader.session(LINKS[0]?.session ?? '');
  keepAll(ledger);
  ledger.close();
  const copy = join(directory, 'copy.db');
  copyFileSync(path, copy);
  const copied = readSqliteLedger(copy);
  opened.push(copied);
  expect([...copied.allLinks()].map(({ hash }) => hash)).toEqual(LINKS.map(({ hash }) => hash));
});

test('a copy that may only be read, in a folder that may only be read, is read', () => {
  const ledger = openSqliteLedger(path);
  keepAll(ledger);
  ledger.close();
  const medium = join(directory, 'read only?#%');
  mkdirSync(medium);
  const copy = join(medium, 'ledger.db');
  copyFileSync(path, copy);
  chmodSync(copy, 0o444);
  for (const folder of [medium, directory]) chmodSync(folder, 0o555);
  // Nothing is read-only to root.
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const script = `import('${new URL('../dist/ledger/index.js', import.meta.url)}').then((m) => console.log([...m.readSqliteLedger(process.argv[1]).allLinks()].length))`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script, copy], { encoding: 'utf8', ...user });
  for (const folder of [medium, directory]) chmodSync(folder, 0o755);
  expect({ stdout, stderr }).toEqual({ stdout: `${LINKS.length}\n`, stderr: '' });
});
