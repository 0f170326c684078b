import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findings, kinds } from '../support/recording.js';
import { FIXTURES, type Launch, launch, REGISTER, runToEnd, temporaryFolder } from './support/process.js';
import { type Answer, type Sink, startSink } from './support/sink.js';

const ENDING = join(FIXTURES, 'ending.mjs');
/** A start a minute later, when the lease that a killed process held is over. */
const LATER = ['--import', 'data:text/javascript,const now=Date.now;Date.now=()=>now()+60000', '--import', REGISTER];

let open: Sink | undefined;
afterEach(() => open?.close());

async function sinkThat(answer?: (request: number) => Answer): Promise<Sink> {
  open = await startSink(answer);
  return open;
}

const codes = (sink: Sink) => findings(sink.links()).map((finding) => finding.split(' ')[2]?.replace(':', ''));
const ends = (sink: Sink) =>
  sink.links().flatMap(({ kind, attributes }) => (kind === 'session.end' ? [attributes['custody.session.outcome']] : []));
const statuses = (sink: Sink) =>
  sink.links().flatMap(({ kind, attributes }) => (kind === 'action.outcome' ? [attributes['custody.action.status']] : []));

/** The next start of the application on the same spool, which delivers what the one before left behind. */
async function deliverLeftovers(sink: Sink, spool: string, delivered: () => boolean, options: Launch = {}): Promise<void> {
  const next = launch(ENDING, { endpoint: sink.url, spool, env: { WAIT: '1' }, ...options });
  await sink.until(delivered);
  next.child.stdin?.end();
  expect((await next.ended).code).toBe(0);
}

describe('a process that goes in the middle of a tool', () => {
  it('by SIGKILL: the intent arrives after the next start, unfinished and unclosed', async () => {
    let up = false;
    const sink = await sinkThat(() => ({ status: up ? 200 : 503 }));
    const spool = temporaryFolder();
    const killed = launch(ENDING, { endpoint: sink.url, spool, args: ['hang'] });
    await killed.says('in the tool');
    killed.child.kill('SIGKILL');
    expect((await killed.ended).signal).toBe('SIGKILL');
    expect(sink.links()).toEqual([]);
    up = true;
    await deliverLeftovers(
      sink,
      spool,
      () => sink.links().some(({ session }) => kinds(sessionOf(sink, session)).join() === 'session.start,action.intent'),
      { node: LATER },
    );
    expect(codes(sink).sort()).toEqual(['unclosed', 'unfinished_action']);
  });

  it('by process.exit: action and session are ended, and arrive after the next start', async () => {
    const sink = await sinkThat();
    const spool = temporaryFolder();
    const { code } = await launch(ENDING, { endpoint: sink.url, spool, args: ['exit'] }).ended;
    expect(code).toBe(7);
    await deliverLeftovers(sink, spool, () => ends(sink).length === 2);
    expect(statuses(sink).sort()).toEqual(['cancelled', 'ok']);
    expect(ends(sink).sort()).toEqual(['completed', 'shutdown']);
    expect(codes(sink)).toEqual([]);
  });

  it('by an error that nobody catches: it is printed and kills as before, and the session ends as error', async () => {
    const sink = await sinkThat();
    const spool = temporaryFolder();
    const { code, stderr } = await launch(ENDING, { endpoint: sink.url, spool, args: ['throw'] }).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('nobody catches this');
    await deliverLeftovers(sink, spool, () => ends(sink).length === 2);
    expect(ends(sink).sort()).toEqual(['completed', 'error']);
    expect(codes(sink)).toEqual([]);
  });

  it('not at all when the application handles the error: the session goes on', async () => {
    const sink = await sinkThat();
    const { stdout } = await runToEnd(ENDING, { endpoint: sink.url, args: ['handled'] });
    expect(stdout).toContain('result: over');
    expect(statuses(sink)).toEqual(['ok']);
    expect(ends(sink)).toEqual(['completed']);
  });

  it('by a signal that nobody else listens to: it is delivered first, and then kills', async () => {
    const sink = await sinkThat();
    const running = launch(ENDING, { endpoint: sink.url, args: ['hang'] });
    await running.says('in the tool');
    running.child.kill('SIGTERM');
    expect((await running.ended).signal).toBe('SIGTERM');
    expect(ends(sink)).toEqual(['shutdown']);
    expect(codes(sink)).toEqual([]);
  });

  it('by a signal that the application handles: what it does stays its own', async () => {
    const sink = await sinkThat();
    const spool = temporaryFolder();
    const running = launch(ENDING, { endpoint: sink.url, spool, args: ['graceful'] });
    await running.says('in the tool');
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(3);
    await deliverLeftovers(sink, spool, () => ends(sink).length === 2);
    expect(ends(sink).sort()).toEqual(['completed', 'shutdown']);
  });
});

describe('a collector that', () => {
  it.each([
    ['is down for a while', (request: number) => ({ status: request < 2 ? 503 : 200 })],
    ['asks for patience', (request: number) => ({ status: request < 2 ? 429 : 200, headers: { 'retry-after': '0' } })],
  ])('%s gets every link, in one chain', async (_name, answer) => {
    const sink = await sinkThat(answer);
    const running = launch(ENDING, { endpoint: sink.url, env: { WAIT: '1' } });
    await sink.until(() => ends(sink).length === 1);
    running.child.stdin?.end();
    expect((await running.ended).code).toBe(0);
    expect(codes(sink)).toEqual([]);
    expect(sink.requests()).toBeGreaterThan(2);
  });

  it('is slow does not hold the agent up', async () => {
    let answer: () => void = () => undefined;
    const after = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const sink = await sinkThat(() => ({ status: 200, after }));
    const running = launch(ENDING, { endpoint: sink.url });
    await running.says('result: over');
    expect(sink.links()).toEqual([]);
    answer();
    expect((await running.ended).code).toBe(0);
    expect(ends(sink)).toEqual(['completed']);
  });

  it('takes 64 tool calls that ran at once as one chain', async () => {
    const sink = await sinkThat();
    await runToEnd(ENDING, { endpoint: sink.url, args: ['finish', '64'] });
    expect(statuses(sink)).toHaveLength(64);
    expect(codes(sink)).toEqual([]);
  });
});

describe('a spool that', () => {
  it('is on a full disk: the agent goes on, and the session declares what it lost', async () => {
    let up = false;
    const sink = await sinkThat(() => ({ status: up ? 200 : 503 }));
    const env = { PAUSE: '1', WAIT: '1' };
    const running = launch(ENDING, { endpoint: sink.url, args: ['finish', '64'], env, shell: 'ulimit -f 64' });
    await running.says('paused');
    up = true;
    await sink.until(() => sink.links().length > 10);
    running.child.stdin?.write('go on');
    await sink.until(() => ends(sink).length === 1);
    running.child.stdin?.end();
    expect((await running.ended).stdout).toContain('result: over');
    expect(sink.links().filter(({ kind }) => kind === 'loss')).not.toEqual([]);
    expect(new Set(codes(sink))).toEqual(new Set(['declared_loss', 'unfinished_action']));
  });

  it('cannot be had is said at the start, and evidence goes out all the same', async () => {
    const sink = await sinkThat();
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const { stdout, stderr } = await runToEnd(ENDING, { endpoint: sink.url, spool: file });
    expect(stdout).toContain('result: over');
    expect(stderr).toMatch(/the spool cannot be had: set CUSTODY_SPOOL/);
    expect(ends(sink)).toEqual(['completed']);
    expect(codes(sink)).toEqual([]);
  });
});

function sessionOf(sink: Sink, session: string) {
  return sink.links().filter((link) => link.session === session);
}
