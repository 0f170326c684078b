import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ATTR } from '@agent-custody/chain';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { COMMAND, cleanEnv, run } from './command.js';
import { sessionOf } from './sessions.js';
import { newLedger, post, sessionIdOf, startTempo, type Tempo } from './tempo-support.js';

// Each test starts processes; how long that takes on a busy machine is no claim of theirs.
vi.setConfig({ testTimeout: 60_000 });

const running: ChildProcessByStdio<null, null, Readable>[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

interface Collect {
  readonly child: ChildProcessByStdio<null, null, Readable>;
  readonly url: string;
  /** The next log line, or one that was written already, with this message. */
  line(message: RegExp): Promise<Record<string, unknown>>;
}

/** A collector that reads back 60 ms after a session's last link. */
async function collect({ ingest, query }: Tempo, ledger: string): Promise<Collect> {
  const args = [
    'collect',
    '--listen',
    '127.0.0.1:0',
    '--ledger',
    ledger,
    '--tempo',
    ingest,
    '--tempo-query',
    query,
    '--reconcile',
    '0.001',
  ];
  const child = spawn(process.execPath, [COMMAND, ...args], { env: cleanEnv(), stdio: ['ignore', 'ignore', 'pipe'] });
  running.push(child);
  const log: Record<string, unknown>[] = [];
  const lines = createInterface(child.stderr);
  lines.on('line', (line) => log.push(JSON.parse(line) as Record<string, unknown>));
  const line = async (message: RegExp): Promise<Record<string, unknown>> => {
    for (;;) {
      const found = log.find(({ msg }) => message.test(String(msg)));
      if (found) return found;
      await once(lines, 'line');
    }
  };
  return { child, line, url: String((await line(/listening/))['address']) };
}

const LOST_AND_SENT_AGAIN = /Tempo does not hold a session as it is on record/;

describe('agent-custody collect --reconcile', () => {
  it('reports what Tempo lost, sends it once more, and says when it is there again; verify then finds all the same', async () => {
    const tempo = await startTempo();
    const ledger = newLedger();
    let dropped = 0;
    tempo.tempo.store.limits.drops = ({ attributes }) => attributes.get(ATTR.seq) === 4 && dropped++ === 0;
    const collector = await collect(tempo, ledger);
    expect(await collector.line(/reading sessions back/)).toMatchObject({ query: tempo.query, minutes: 0.001 });
    const links = sessionOf();
    await post(collector.url, links);
    expect(await collector.line(/^finding tempo_divergence$/)).toMatchObject({ session: sessionIdOf(links), seq: 4, severity: 'high' });
    expect(await collector.line(LOST_AND_SENT_AGAIN)).toMatchObject({ links: 1, sentAgain: 1 });
    await collector.line(/^finding tempo_divergence healed$/);
    const verified = await run(['verify', '--tempo', tempo.query, '--ledger', ledger, '--settle', '0', '--json']);
    expect([verified.status, verified.stderr]).toEqual([0, '']);
    expect(tempo.tempo.stored.filter(({ spanId }) => spanId === links[3]?.spanId)).toHaveLength(2);
  });

  it('remembers across a kill what it sent again, and does not send it a third time', async () => {
    const tempo = await startTempo();
    const ledger = newLedger();
    tempo.tempo.store.limits.drops = ({ attributes }) => attributes.get(ATTR.seq) === 4;
    const links = sessionOf();
    const sent = (): number => tempo.tempo.stored.filter(({ spanId }) => spanId === links[3]?.spanId).length;
    const first = await collect(tempo, ledger);
    await post(first.url, links);
    await tempo.tempo.until(() => sent() === 2);
    // Delivery is at least once: until its acknowledgement is on disk, a span goes out again after a kill.
    await vi.waitFor(async () => expect(await (await fetch(`${first.url}/metrics`)).text()).toMatch(/^custody_outbox_spans 0$/m));
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const second = await collect(tempo, ledger);
    // It looks twice before it speaks, and has nothing left to send.
    expect(await second.line(LOST_AND_SENT_AGAIN)).toMatchObject({ links: 1, sentAgain: 0 });
    expect(sent()).toBe(2);
  });

  it.each([
    ['without a Tempo to ask', ['--tempo', 'http://127.0.0.1:1'], /--reconcile: .*--tempo-query/],
    ['without a Tempo to forward to', ['--tempo-query', 'http://127.0.0.1:1'], /--reconcile: .*--tempo URL/],
    ['after no time at all', ['--reconcile', '0'], /--reconcile '0': expected a number of minutes/],
  ] as const)('does not start %s', async (_what, args, message) => {
    const ended = await run(['collect', '--listen', '127.0.0.1:0', '--ledger', newLedger(), '--reconcile', '10', ...args]);
    expect(ended).toMatchObject({ status: 64, stderr: expect.stringMatching(message) });
  });
});
