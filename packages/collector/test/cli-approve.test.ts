import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Register } from '@agent-custody/chain';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { readSqliteLedger } from '../src/ledger/index.js';
import { readRegister } from '../src/register-file.js';
import { type Collector, startCollector } from '../src/service.js';
import { newToken } from '../src/settings/index.js';
import { judgeLedger } from '../src/verify/ledger-source.js';
import { run } from './command.js';
import { CHANGED_TOOLS, COMPONENTS, edited, recordSession, send } from './recorded-session.js';

// Each test starts processes; how long that takes on a busy machine is no claim of theirs.
vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'custody-approve-'));
const ledger = join(folder, 'ledger.db');
const reader = newToken();
const plain = recordSession();
const changing = recordSession({ change: true });
const broken = recordSession().map((link) => (link.seq === 2 ? edited(link) : link));
const headless = recordSession({ actions: 0 }).slice(1);
const id = (links: ReturnType<typeof recordSession>) => links[0]?.session ?? '';

let collector: Collector;
beforeAll(async () => {
  collector = await startCollector({
    listen: { host: '127.0.0.1', port: 0 },
    ledger,
    log: pino({ level: 'silent' }),
    readerTokenSha256: reader.sha256,
  });
  for (const links of [plain, changing, broken, headless]) await send(collector.url, links);
});
afterAll(() => collector.close());

let registers = 0;
const newRegister = () => join(folder, `register-${registers++}.json`);
const entriesOf = (path: string) => (JSON.parse(readFileSync(path, 'utf8')) as Register).entries;
const approve = (register: string, ...more: string[]) => run(['approve', '--register', register, '--ledger', ledger, ...more]);
const who = ['--by', 'bob@example.com', '--ticket', 'CHG-1'];
const { memory, ...withoutMemory } = COMPONENTS;

describe('agent-custody approve', () => {
  it('writes the state of a session into a new register, memory left free, and says what it wrote', async () => {
    const register = newRegister();
    const { status, stdout } = await approve(register, '--session', id(plain), ...who, '--until', '2999-01-01');
    expect(status).toBe(0);
    expect(entriesOf(register)).toEqual([
      {
        agent: 'billing-bot',
        components: withoutMemory,
        by: 'bob@example.com',
        ticket: 'CHG-1',
        from: expect.stringMatching(/^\d{4}-.*Z$/),
        until: '2999-01-01T00:00:00.000Z',
        withdrawn: null,
      },
    ]);
    expect(stdout).toContain(COMPONENTS.tools);
  });

  it('writes every state that the session went through', async () => {
    const register = newRegister();
    await approve(register, '--session', id(changing), ...who);
    expect(entriesOf(register).map(({ components }) => components['tools'])).toEqual([COMPONENTS.tools, CHANGED_TOOLS]);
  });

  it('pins memory when told to', async () => {
    const register = newRegister();
    await approve(register, '--session', id(plain), ...who, '--pin-memory');
    expect(entriesOf(register)[0]?.components).toEqual({ ...withoutMemory, memory });
  });

  it('keeps what is there and writes nothing twice', async () => {
    const register = newRegister();
    await approve(register, '--session', id(plain), ...who);
    const before = readFileSync(register, 'utf8');
    const { status, stdout } = await approve(register, '--session', id(plain), ...who);
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringMatching(/^in force already: entry 1/) });
    expect(readFileSync(register, 'utf8')).toBe(before);
    await approve(register, '--session', id(changing), ...who);
    expect(entriesOf(register)).toHaveLength(2);
  });

  it('what it approved is approved from then on, and withdrawn no more', async () => {
    const register = newRegister();
    const authority = async () => {
      const later = recordSession({ actions: 0 });
      await send(collector.url, later);
      const opened = readSqliteLedger(ledger);
      const judged = judgeLedger(opened, { hashing: nodeHashing, register: readRegister(register) }, { type: 'rest' });
      opened.close();
      return judged.sessions.find(({ session }) => session === id(later))?.authority;
    };
    await approve(register, '--session', id(plain), ...who);
    expect(await authority()).toBe('approved');
    expect((await approve(register, '--withdraw', '--ticket', 'CHG-1')).stdout).toMatch(/^withdrawn: entry 1/);
    expect(await authority()).toBe('deviated');
    expect(entriesOf(register)).toHaveLength(1);
    expect((await approve(register, '--withdraw', '--session', id(plain))).status).toBe(2);
  });

  it('asks a collector, with its reader token, and recomputes what it answers', async () => {
    const register = newRegister();
    const ask = (env: Record<string, string>) =>
      run(['approve', '--register', register, '--collector', collector.url, '--session', id(plain), ...who], { env });
    expect(await ask({})).toMatchObject({ status: 2, stderr: expect.stringContaining('CUSTODY_TOKEN') });
    expect(await ask({ CUSTODY_TOKEN: reader.token })).toMatchObject({ status: 0, stderr: '' });
    expect(entriesOf(register)[0]?.components).toEqual(withoutMemory);
  });

  it.each([
    ['1: the integrity of the session is broken', () => ['--session', id(broken), ...who], 1, /integrity is broken/],
    ['2: nothing of it is on record', () => ['--session', '0'.repeat(32), ...who], 2, /nothing of it is on record/],
    ['2: its start is missing', () => ['--session', id(headless), ...who], 2, /no state is on record/],
    ['64: nobody approves', () => ['--session', id(plain), '--ticket', 'CHG-1'], 64, /--by NAME is missing/],
    ['64: no ticket', () => ['--session', id(plain), '--by', 'bob'], 64, /--ticket REF is missing/],
    ['64: until a day that is over', () => ['--session', id(plain), ...who, '--until', '2020-01-01'], 64, /lies in the past/],
    ['64: until no day', () => ['--session', id(plain), ...who, '--until', 'tomorrow'], 64, /expected a date/],
    ['64: a withdrawal of nothing in particular', () => ['--withdraw'], 64, /say which entries/],
  ])('writes nothing and exits with %s', async (_what, args, status, message) => {
    const register = newRegister();
    const ended = await approve(register, ...args());
    expect(ended).toMatchObject({ status, stderr: expect.stringMatching(message) });
    expect(() => readFileSync(register)).toThrow(/ENOENT/);
  });

  it('leaves a register alone that it cannot read', async () => {
    const register = newRegister();
    writeFileSync(register, '{"version":1,');
    expect((await approve(register, '--session', id(plain), ...who)).status).toBe(64);
    expect(readFileSync(register, 'utf8')).toBe('{"version":1,');
  });
});
