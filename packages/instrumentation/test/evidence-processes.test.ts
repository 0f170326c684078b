import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { EvidenceRuntime } from '../src/evidence/runtime.js';
import { systemRuntime } from '../src/evidence/runtime.js';
import { Child, Collector, OTHER_SESSION, openChannel, record, SESSION, seqsIn, temporaryDirectory } from './evidence-support.js';

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);
/** Its clock is past every lease that a process of now can hold. */
const later: EvidenceRuntime = { ...systemRuntime, now: () => Date.now() + 3_600_000 };

/** An address where nobody answers until a collector is started on the port. */
async function silentPort(): Promise<{ url: string; port: number }> {
  const collector = await Collector.start();
  const { url, port } = collector;
  await collector.stop();
  return { url, port };
}

describe('a process with a spool', () => {
  it('that is killed loses nothing that was appended: the next start delivers it', async () => {
    const { url, port } = await silentPort();
    const spoolDirectory = temporaryDirectory();
    const child = new Child({ url, spoolDirectory });
    expect(await child.append(record(1), record(2), record(3))).toEqual([true, true, true]);
    child.tell('kill');
    expect(await child.ended).toBe('SIGKILL');
    const collector = await Collector.start(port);
    openChannel({ url, durability: 'spool', spoolDirectory }, later);
    await collector.until(() => collector.seqs.length === 3);
    expect(collector.seqs).toEqual([1, 2, 3]);
  });

  it('that is killed at any moment while it delivers loses nothing either', async () => {
    const collector = await Collector.start();
    const spoolDirectory = temporaryDirectory();
    const child = new Child({ url: collector.url, spoolDirectory });
    let appended = 0;
    for (let round = 0; round < 20; round++) {
      await child.append(...range(appended + 1, appended + 50).map((seq) => record(seq, { size: 500 })));
      appended += 50;
    }
    child.signal('SIGKILL');
    await child.ended;
    openChannel({ url: collector.url, durability: 'spool', spoolDirectory }, later);
    await collector.until(() => new Set(collector.seqs).size === appended);
    expect([...new Set(collector.seqs)]).toEqual(range(1, appended));
  });

  it.each([
    ['process.exit', 'exit', 3],
    ['an uncaught throw', 'throw', 1],
  ])('that ends by %s leaves its file to the next start at once', async (_how, command, code) => {
    const { url, port } = await silentPort();
    const spoolDirectory = temporaryDirectory();
    const child = new Child({ url, spoolDirectory });
    await child.append(record(1));
    child.tell(command);
    expect(await child.ended).toBe(code);
    const collector = await Collector.start(port);
    const next = openChannel({ url, durability: 'spool', spoolDirectory });
    await collector.until(() => collector.seqs.length === 1);
    await next.channel.close(5_000);
    expect(collector.seqs).toEqual([1]);
  });

  it('is not kept alive by a collector that never answers', async () => {
    const collector = await Collector.start();
    collector.reply = () => undefined;
    const child = new Child({ url: collector.url, spoolDirectory: temporaryDirectory() });
    await child.append(record(1));
    await collector.until(() => collector.requests.length === 1);
    child.tell('letGo');
    expect(await child.ended).toBe(0);
  });

  it('is not kept alive by one that is down', async () => {
    const { url } = await silentPort();
    const child = new Child({ url, spoolDirectory: temporaryDirectory() });
    await child.append(record(1));
    child.tell('letGo');
    expect(await child.ended).toBe(0);
  });

  it('that was suspended past its lease finds its file adopted, and goes on in a new one without a loss', async () => {
    const collector = await Collector.start();
    const spoolDirectory = temporaryDirectory();
    collector.reply = () => ({ status: 503 });
    const { url } = collector;
    const child = new Child({ url, spoolDirectory, leaseMs: 300 });
    await child.append(record(1));
    const before = (await child.report()).state.spool;
    child.signal('SIGSTOP');
    const adopter = openChannel({ url, durability: 'spool', spoolDirectory }, { ...systemRuntime, leaseMs: 300 });
    await adopter.line('adopted');
    child.signal('SIGCONT');
    expect(await child.append(record(2))).toEqual([true]);
    const after = (await child.report()).state.spool;
    expect(after).not.toBe(before);
    collector.reply = () => ({});
    expect(await child.ask('flush', 10_000)).toEqual({ delivered: true, pending: 0 });
    expect(new Set(collector.seqs)).toEqual(new Set([1, 2]));
  });
});

describe('processes that start at once', () => {
  it('share what others left: every file is adopted by one of them, and by one only', async () => {
    const { url, port } = await silentPort();
    const spoolDirectory = temporaryDirectory();
    const left = await Promise.all(
      range(1, 4).map(async (n) => {
        const child = new Child({ url, spoolDirectory });
        await child.append(...range(n * 100, n * 100 + 9).map((seq) => record(seq)));
        await child.ask('close', 0);
        return range(n * 100, n * 100 + 9);
      }),
    );
    const collector = await Collector.start(port);
    const adopters = range(1, 3).map(() => new Child({ url, spoolDirectory }));
    await collector.until(() => new Set(collector.seqs).size === 40);
    await Promise.all(adopters.map((child) => child.ask('close', 10_000)));
    expect([...collector.seqs].sort((a, b) => a - b)).toEqual(left.flat());
    expect(readdirSync(spoolDirectory)).toEqual([]);
  });
});

describe('a full disk', () => {
  it('costs records but not the agent; the loss is declared when there is room again', async () => {
    const collector = await Collector.start();
    collector.reply = () => ({ status: 503, headers: { 'retry-after': '0' } });
    const child = new Child({ url: collector.url, spoolDirectory: temporaryDirectory() }, { ulimitBlocks: 8 });
    const kept = await child.append(...range(1, 30).map((seq) => record(seq, { size: 1_000 })));
    const keptCount = kept.filter(Boolean).length;
    expect(keptCount).toBeGreaterThan(2);
    expect(kept).toEqual(range(1, 30).map((seq) => seq <= keptCount));
    expect((await child.report()).state.lastError).toMatch(/file size limit|spool_write_failed|503/);
    collector.reply = () => ({});
    await child.ask('flush', 10_000);
    const { state, losses, logged } = await child.report();
    expect(losses).toEqual([{ session: SESSION, first: keptCount + 1, last: 30, reason: 'spool_write_failed' }]);
    expect(state.lost).toBe(30 - keptCount);
    expect(logged.join()).toContain('the file size limit of the process (ulimit -f) is reached');
    expect(await child.append(record(31, { size: 1_000 }))).toEqual([true]);
    expect(await child.ask('flush', 10_000)).toEqual({ delivered: true, pending: 0 });
    const taken = new Set(collector.requests.flatMap(({ body }) => seqsIn(body)));
    expect(taken).toEqual(new Set([...range(1, keptCount), 31]));
  });

  it('at the start leaves the channel in memory', async () => {
    const collector = await Collector.start();
    const child = new Child({ url: collector.url, spoolDirectory: temporaryDirectory() }, { ulimitBlocks: 0 });
    expect((await child.report()).state.spool).toBe('unavailable');
    expect(await child.append(record(1, { session: OTHER_SESSION }))).toEqual([true]);
    expect(await child.ask('flush', 10_000)).toEqual({ delivered: true, pending: 0 });
    expect(collector.requests.flatMap(({ body }) => seqsIn(body, OTHER_SESSION))).toEqual([1]);
  });
});
