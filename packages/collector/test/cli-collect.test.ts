import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { newToken } from '../src/settings/index.js';
import { COMMAND, cleanEnv, run } from './command.js';
import { recordSession, requestOf, send } from './recorded-session.js';

// Each test starts processes; how long that takes on a busy machine is no claim of theirs.
vi.setConfig({ testTimeout: 60_000 });

const newFolder = () => mkdtempSync(join(tmpdir(), 'custody-collect-'));

interface Running {
  readonly child: ChildProcessByStdio<null, null, Readable>;
  readonly url: string;
  readonly log: Record<string, unknown>[];
  /** The next log line, or one that was written already, with this message. */
  line(message: RegExp): Promise<Record<string, unknown>>;
  ended(): Promise<[number | null, NodeJS.Signals | null]>;
}

const running: Running[] = [];
afterEach(() => {
  for (const { child } of running.splice(0)) child.kill('SIGKILL');
});

async function collect(args: readonly string[], env: Record<string, string> = {}): Promise<Running> {
  const child = spawn(process.execPath, [COMMAND, 'collect', '--listen', '127.0.0.1:0', ...args], {
    env: cleanEnv(env),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: Record<string, unknown>[] = [];
  const lines = createInterface(child.stderr);
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  lines.on('line', (line) => log.push(JSON.parse(line) as Record<string, unknown>));
  const line = async (message: RegExp): Promise<Record<string, unknown>> => {
    for (;;) {
      const found = log.find(({ msg }) => message.test(String(msg)));
      if (found) return found;
      await Promise.race([
        once(lines, 'line'),
        once(lines, 'close').then(() => Promise.reject(new Error(`ended without ${message}: ${JSON.stringify(log)}`))),
      ]);
    }
  };
  const { address } = await line(/listening/);
  const collector = { child, url: String(address), log, line, ended: () => exit };
  running.push(collector);
  return collector;
}

describe('agent-custody collect', () => {
  it('says at start where it listens, which ledger, Tempo and register are in use, and whose tokens it asks for', async () => {
    const folder = newFolder();
    const register = join(folder, 'register.json');
    writeFileSync(register, '{"version":1,"entries":[]}');
    const config = join(folder, 'custody.yaml');
    writeFileSync(config, `ledger: ${join(folder, 'ledger.db')}\nregister: ${register}\ntempo: http://127.0.0.1:1/\n`);
    const collector = await collect(['--config', config], { CUSTODY_READER_TOKEN: newToken().sha256 });
    expect(await collector.line(/ledger open/)).toMatchObject({ ledger: join(folder, 'ledger.db') });
    expect(await collector.line(/forwarding to Tempo/)).toMatchObject({ tempo: 'http://127.0.0.1:1/v1/traces' });
    expect(await collector.line(/register of approved states in force/)).toMatchObject({ register, entries: 0 });
    expect(await collector.line(/tokens asked for/)).toMatchObject({ ingest: 0, reader: 1, tls: false });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'answers what is in flight at %s, and exits with 0; what was accepted is on record',
    async (signal) => {
      const ledger = join(newFolder(), 'ledger.db');
      const collector = await collect(['--ledger', ledger]);
      const links = recordSession();
      const body = JSON.stringify(requestOf(links));
      const { host, port } = new URL(collector.url);
      const socket = connect(Number(port), '127.0.0.1');
      await once(socket, 'connect');
      // The request has begun when the signal comes, and ends behind it.
      socket.write(
        `POST /v1/traces HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nexpect: 100-continue\r\n\r\n`,
      );
      expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 100/);
      collector.child.kill(signal);
      await collector.line(/stopping/);
      socket.write(body);
      expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 200/);
      expect(await collector.ended()).toEqual([0, null]);
      const { status, stdout } = await run(['verify', '--ledger', ledger, '--json', '--session', links[0]?.session ?? '']);
      expect([status, JSON.parse(stdout)]).toMatchObject([0, [{ integrity: 'intact', completeness: 'complete', links: 6 }]]);
    },
  );

  it('exits at once at a second signal', async () => {
    const collector = await collect(['--ledger', ':memory:']);
    const socket = connect(Number(new URL(collector.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n',
    );
    await once(socket, 'data');
    socket.on('error', () => undefined);
    collector.child.kill('SIGTERM');
    await collector.line(/stopping/);
    collector.child.kill('SIGTERM');
    expect(await collector.ended()).toEqual([143, null]);
  });

  it('exits with 1 when the ledger is in use or the address is taken', async () => {
    const ledger = join(newFolder(), 'ledger.db');
    const first = await collect(['--ledger', ledger]);
    expect(await run(['collect', '--listen', '127.0.0.1:0', '--ledger', ledger])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('in use by another collector'),
    });
    const { port } = new URL(first.url);
    expect(await run(['collect', '--listen', `127.0.0.1:${port}`, '--ledger', ':memory:', '--log-level', 'silent'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^agent-custody: cannot listen on/),
    });
  });

  it('takes spans of the agents that a token is for, and logs neither token nor hash', async () => {
    const ingest = newToken();
    const reader = newToken();
    const collector = await collect([
      '--ledger',
      ':memory:',
      '--ingest-token',
      `${ingest.sha256}:billing-bot`,
      '--reader-token',
      reader.sha256,
      '--log-level',
      'trace',
    ]);
    const links = recordSession();
    expect((await send(collector.url, links)).status).toBe(401);
    expect((await send(collector.url, links, { authorization: `Bearer ${ingest.token}` })).status).toBe(200);
    const foreign = await send(collector.url, recordSession({ agent: 'other-bot', actions: 0 }), {
      authorization: `Bearer ${ingest.token}`,
    });
    expect(await foreign.json()).toMatchObject({ partialSuccess: { rejectedSpans: expect.anything() } });
    const page = await fetch(`${collector.url}/api/v1/sessions`, { headers: { authorization: `Bearer ${reader.token}` } });
    expect(((await page.json()) as { sessions: { session: string }[] }).sessions.map(({ session }) => session)).toEqual([
      links[0]?.session,
    ]);
    collector.child.kill('SIGTERM');
    await collector.ended();
    const logged = JSON.stringify(collector.log);
    for (const secret of [ingest.token, ingest.sha256, reader.token, reader.sha256]) expect(logged).not.toContain(secret);
  });

  it('warns of an idle limit that honest sessions cannot keep', async () => {
    const collector = await collect(['--ledger', ':memory:', '--session-idle', '60']);
    expect(await collector.line(/heartbeat/)).toMatchObject({ level: 'warn' });
  });
});
