import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openSqliteLedger } from '../src/ledger/index.js';
import { run } from './command.js';

// What is said to whoever calls the command in a way that it does not take: what is wrong, where, and what to do.

const folder = mkdtempSync(join(tmpdir(), 'custody-usage-'));
const at = (name: string): string => join(folder, name);
writeFileSync(at('garbage.db'), 'not a database, but long enough to look at twice');
writeFileSync(at('register.json'), '{}');
openSqliteLedger(at('damaged.db')).close();
truncateSync(at('damaged.db'), 100_000);
const ID = 'ab'.repeat(16);

test.each([
  ['a command that is none', ['verfy'], 64, /unknown command 'verfy'.*--help/s],
  ['a flag that is none', ['collect', '--ledgre', 'x'], 64, /unknown option '--ledgre'/],
  ['a file and a Tempo at once', ['verify', '--file', 'a', '--tempo', 'http://127.0.0.1:3200'], 64, /exclude each other/],
  ['a file and a ledger at once', ['verify', '--file', 'a', '--ledger', 'b'], 64, /exclude each other/],
  ['a file that is not there', ['verify', '--file', at('none')], 64, /none: cannot be read: ENOENT/],
  ['a register that is none', ['verify', '--file', '-', '--register', at('register.json')], 64, /register of approved states is not valid/],
  ['a grace period that is none', ['verify', '--gap-grace', 'soon'], 64, /--gap-grace 'soon': expected/],
  ['an address without tokens', ['collect', '--listen', '0.0.0.0:0'], 64, /ingest token.*reader's token.*--insecure/],
  ['a token for nobody', ['token'], 64, /say what it is for/],
  ['an approval without a register', ['approve', '--session', ID], 64, /--register FILE.*missing/],
  ['an address that is none', ['collect', '--listen', 'nowhere'], 64, /--listen 'nowhere': expected HOST:PORT, such as/],
  ['no session to export', ['export', '--out', 'x'], 64, /export: --session ID is missing/],
  ['no session to erase', ['erase'], 64, /erase: --session ID is missing/],
  ['an id that is none', ['erase', '--session', 'x'], 64, /a session id is 32 lower-case hex/],
  ['nowhere to export to', ['export', '--session', ID], 64, /export: --out FILE is missing/],
  ['nowhere to report to', ['report'], 64, /report: --out FILE is missing/],
  ['a date that is none', ['report', '--out', 'x', '--until', 'yesterday'], 64, /--until 'yesterday': expected a date such as/],
  ['a period that is none', ['report', '--out', 'x', '--since', '3x'], 64, /--since '3x': expected a duration such as 30d, or a date/],
  ['no days to keep', ['retain'], 64, /retain: --days DAYS is missing/],
  ['a URL that is none', ['export', '--session', ID, '--out', 'x', '--collector', 'nope'], 64, /--collector: expected an http/],
  [
    'a URL with a password',
    ['approve', '--session', ID, '--by', 'b', '--ticket', 't', '--register', 'r', '--collector', 'http://a:b@c'],
    64,
    /must not hold a user name or password/,
  ],
  ['a ledger that is not there', ['verify', '--ledger', at('none.db')], 64, /there is no ledger at .*none\.db: name it with --ledger PATH/],
  ['a ledger that is none', ['verify', '--ledger', at('garbage.db')], 64, /garbage\.db is not a ledger .*: name another path/],
  ['a damaged ledger', ['verify', '--ledger', at('damaged.db')], 2, /damaged\.db is damaged .*: keep the file, restore a backup/],
  ['a damaged ledger to change', ['erase', '--session', ID, '--ledger', at('damaged.db')], 1, /damaged\.db is damaged/],
  ['a damaged ledger to collect into', ['collect', '--listen', '127.0.0.1:0', '--ledger', at('damaged.db')], 1, /damaged\.db is damaged/],
  ['a folder for a ledger', ['verify', '--ledger', folder], 64, /it is a directory; name a file/],
  ['a folder for a ledger to write', ['collect', '--listen', '127.0.0.1:0', '--ledger', folder], 1, /it is a directory; name a file/],
])('%s', async (_what, args, status, message) => {
  const ended = await run(args);
  expect(ended.stderr).toMatch(message);
  expect(ended.stderr).toMatch(/^agent-custody: /);
  expect(ended.stderr).not.toMatch(/^\s+at /m);
  expect(ended).toMatchObject({ status, stdout: '' });
});

describe('help', () => {
  test.each([[], ['collect'], ['verify'], ['approve'], ['token'], ['retain'], ['erase'], ['export'], ['report'], ['policy']])(
    'of %j says how to call it and how it ends, in 80 columns',
    async (...command) => {
      const { stdout, status } = await run([...command, '--help']);
      expect(status).toBe(0);
      expect(stdout).toContain(`Usage: agent-custody ${command.join(' ')}`.trim());
      expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    },
  );
});
