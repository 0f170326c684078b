import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeHeader } from '../src/evidence/header.js';
import { defaultSpoolDirectory } from '../src/evidence/index.js';
import {
  Collector,
  type ManualRuntime,
  manualRuntime,
  OTHER_SESSION,
  onlyFile,
  openChannel,
  record,
  SESSION,
  spoolFiles,
  temporaryDirectory,
} from './evidence-support.js';

describe('the spool', () => {
  it('holds a record as soon as append returns', async () => {
    const collector = await Collector.start();
    const directory = temporaryDirectory();
    const { channel } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, manualRuntime());
    expect(channel.append(record(1, { size: 200 }))).toBe(true);
    expect(readFileSync(onlyFile(directory)).includes(Buffer.from(record(1, { size: 200 }).bytes))).toBe(true);
    expect(channel.state.spool).toBe(onlyFile(directory));
    expect(channel.state.pendingBytes).toBeGreaterThan(200);
  });

  it('takes and delivers a record larger than a batch', async () => {
    const collector = await Collector.start();
    const { channel } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: temporaryDirectory() });
    for (const seq of [1, 2, 3]) channel.append(record(seq, { size: seq === 2 ? 3_000_000 : 10 }));
    expect(await channel.flush(5_000)).toEqual({ delivered: true, pending: 0 });
    expect(collector.requests.map(({ seqs }) => seqs)).toEqual([[1], [2], [3]]);
  });

  it('is private to the user', async () => {
    const collector = await Collector.start();
    const directory = join(temporaryDirectory(), 'deep', 'spool');
    openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory });
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(onlyFile(directory)).mode & 0o777).toBe(0o600);
  });

  it('goes to a private directory inside one that others may enter', async () => {
    const collector = await Collector.start();
    const directory = temporaryDirectory();
    chmodSync(directory, 0o755);
    const { channel } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory });
    const inner = join(directory, `private-${process.geteuid?.()}`);
    expect(statSync(inner).mode & 0o777).toBe(0o700);
    expect(channel.state.spool).toBe(onlyFile(inner));
  });

  it("is in the user's state directory by default", () => {
    expect(defaultSpoolDirectory({ XDG_STATE_HOME: '/state' })).toBe('/state/agent-custody/spool');
    expect(defaultSpoolDirectory({ XDG_STATE_HOME: 'relative' })).toMatch(/\.local\/state\/agent-custody\/spool$/);
  });

  it('leaves nothing behind after a close with everything delivered', async () => {
    const collector = await Collector.start();
    const directory = temporaryDirectory();
    const { channel } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory });
    channel.append(record(1));
    await channel.close(5_000);
    expect(collector.seqs).toEqual([1]);
    expect(spoolFiles(directory)).toEqual([]);
  });

  it('lets a process end at once when the collector is down: what is left is safe', async () => {
    const down = await Collector.start();
    await down.stop();
    const directory = temporaryDirectory();
    // Time does not move here: were the close to wait for its timeout, it would never end.
    const { channel } = openChannel({ url: down.url, durability: 'spool', spoolDirectory: directory }, manualRuntime());
    channel.append(record(1));
    await channel.close(60_000);
    expect(readFileSync(onlyFile(directory)).includes(Buffer.from(record(1).bytes))).toBe(true);
    expect(channel.state.lost).toBe(0);
  });

  it('does not grow with what is delivered', async () => {
    const collector = await Collector.start();
    const directory = temporaryDirectory();
    const { channel } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory, maxSpoolBytes: 64_000 });
    for (let seq = 1; seq <= 400; seq++) {
      expect(channel.append(record(seq, { size: 2_000 }))).toBe(true);
      if (seq % 20 === 0) await channel.flush(5_000);
    }
    expect(channel.state).toMatchObject({ lost: 0, pendingBytes: 0 });
    expect(statSync(onlyFile(directory)).size).toBeLessThan(64_000);
    expect(collector.seqs).toHaveLength(400);
  });

  it('gets rid of what is delivered even when it is never empty', async () => {
    const collector = await Collector.start();
    const directory = temporaryDirectory();
    const { channel } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory, maxSpoolBytes: 3_000_000 });
    let seq = 0;
    collector.reply = () => {
      if (seq < 5_000) for (let i = 0; i < 500; i++) channel.append(record(++seq, { size: 1_000 }));
      return {};
    };
    for (let i = 0; i < 500; i++) channel.append(record(++seq, { size: 1_000 }));
    await collector.until(() => collector.seqs.at(-1) === 5_000);
    expect(collector.seqs).toEqual(Array.from({ length: 5_000 }, (_, i) => i + 1));
    expect(channel.state.lost).toBe(0);
  });
});

describe('a spool at its bound', () => {
  it('keeps what it has, and declares what it lost once there is room', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const directory = temporaryDirectory();
    const kept: number[] = [];
    let next = 0;
    const { channel, logged } = openChannel(
      {
        url: collector.url,
        durability: 'spool',
        spoolDirectory: directory,
        maxSpoolBytes: 20_000,
        onLoss: (loss) => {
          expect(loss).toEqual({ session: SESSION, first: kept.length + 1, last: next, reason: 'spool_full' });
          channel.append(record(++next));
        },
      },
      runtime,
    );
    while (next < 30) if (channel.append(record(++next, { size: 1_000 }))) kept.push(next);
    expect(kept).toEqual(kept.map((_, i) => i + 1));
    expect(kept.length).toBeLessThan(30);
    expect(statSync(onlyFile(directory)).size).toBeLessThanOrEqual(20_000);
    expect(await channel.flush(5_000)).toEqual({ delivered: false, pending: 0 });
    expect(await channel.flush(5_000)).toEqual({ delivered: true, pending: 0 });
    expect(collector.seqs).toEqual([...kept, 31]);
    expect(logged.filter((text) => text.includes('spool_full'))).toHaveLength(1);
  });

  it('declares a loss again whose declaration did not fit', async () => {
    const collector = await Collector.start();
    const losses: [number, number][] = [];
    const { channel } = openChannel(
      {
        url: collector.url,
        durability: 'spool',
        spoolDirectory: temporaryDirectory(),
        maxSpoolBytes: 10_000,
        onLoss: ({ first, last }) => {
          losses.push([first, last]);
          channel.append(record(4, { size: losses.length === 1 ? 9_000 : 10 }));
        },
      },
      manualRuntime(),
    );
    expect(channel.append(record(1, { size: 5_000 }))).toBe(true);
    expect(channel.append(record(2, { size: 5_000 }))).toBe(false);
    expect(channel.append(record(3, { size: 100 }))).toBe(true);
    expect(losses).toEqual([[2, 2]]);
    await channel.flush(5_000);
    // Link 4, the first declaration, is lost as well by then.
    expect(losses).toEqual([
      [2, 2],
      [2, 2],
      [4, 4],
    ]);
  });

  it('keeps the losses of sessions apart', async () => {
    const collector = await Collector.start();
    const { channel, losses } = openChannel(
      { url: collector.url, durability: 'spool', spoolDirectory: temporaryDirectory(), maxSpoolBytes: 6_000 },
      manualRuntime(),
    );
    channel.append(record(1, { size: 5_000 }));
    channel.append(record(2, { size: 5_000 }));
    channel.append(record(9, { size: 5_000, session: OTHER_SESSION }));
    channel.append(record(10, { session: OTHER_SESSION }));
    expect(losses).toEqual([{ session: OTHER_SESSION, first: 9, last: 9, reason: 'spool_full' }]);
  });
});

describe('a spool that cannot be had', () => {
  it.each([
    [
      'a file',
      (parent: string) => {
        writeFileSync(join(parent, 'spool'), 'not a directory');
        return join(parent, 'spool');
      },
    ],
    [
      'below a file',
      (parent: string) => {
        writeFileSync(join(parent, 'file'), '');
        return join(parent, 'file', 'spool');
      },
    ],
    [
      'a symbolic link',
      (parent: string) => {
        mkdirSync(join(parent, 'target'));
        symlinkSync(join(parent, 'target'), join(parent, 'spool'));
        return join(parent, 'spool');
      },
    ],
  ])('because its path is %s leaves the channel in memory, with one warning', async (_what, make) => {
    const collector = await Collector.start();
    const path = make(temporaryDirectory());
    const { channel, logged } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: path });
    expect(channel.state.spool).toBe('unavailable');
    expect(channel.append(record(1))).toBe(true);
    expect(await channel.flush(5_000)).toEqual({ delivered: true, pending: 0 });
    expect(collector.seqs).toEqual([1]);
    expect(logged).toEqual([expect.stringMatching(/^warn no spool: .*spool.*Evidence is kept in memory/)]);
  });

  it('any more, nor made anew, leaves the channel in memory with what was pending', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const directory = join(temporaryDirectory(), 'spool');
    const { channel, logged } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    channel.append(record(1));
    rmSync(directory, { recursive: true });
    writeFileSync(directory, '');
    runtime.advance(runtime.leaseMs / 3);
    expect(channel.state.spool).toBe('unavailable');
    expect(channel.append(record(2))).toBe(true);
    expect(await channel.flush(5_000)).toEqual({ delivered: true, pending: 0 });
    expect(collector.seqs).toEqual([1, 2]);
    expect(logged.filter((text) => text.includes('no spool'))).toHaveLength(1);
  });

  it('any more because it was removed is made anew with what is pending', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const directory = join(temporaryDirectory(), 'spool');
    const { channel } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    channel.append(record(1));
    rmSync(directory, { recursive: true });
    runtime.advance(runtime.leaseMs / 3);
    expect(readFileSync(onlyFile(directory)).includes(Buffer.from(record(1).bytes))).toBe(true);
    channel.append(record(2));
    expect(await channel.flush(5_000)).toEqual({ delivered: true, pending: 0 });
    expect(collector.seqs).toEqual([1, 2]);
  });
});

describe('a lease', () => {
  it('is renewed while its owner lives', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const directory = temporaryDirectory();
    openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    const path = onlyFile(directory);
    for (let i = 0; i < 12; i++) runtime.advance(runtime.leaseMs / 3);
    expect(onlyFile(directory)).toBe(path);
    expect(decodeHeader(readFileSync(path))?.leaseUntil).toBe(runtime.now() + runtime.leaseMs);
  });

  it('that ran out while its owner was suspended is not revived: the owner takes what is pending to a new file', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const directory = temporaryDirectory();
    const { channel } = openChannel(
      { url: collector.url, durability: 'spool', spoolDirectory: directory },
      { ...runtime, after: () => () => {} },
    );
    channel.append(record(1));
    const before = onlyFile(directory);
    runtime.advance(runtime.leaseMs);
    channel.append(record(2));
    expect(onlyFile(directory)).not.toBe(before);
    await channel.flush(5_000);
    expect(collector.seqs).toEqual([1, 2]);
  });

  it('that ran out between the check and the write is noticed after the write', async () => {
    const manual = manualRuntime();
    let calls = Number.NEGATIVE_INFINITY;
    const runtime: ManualRuntime = { ...manual, now: () => manual.now() + (++calls > 1 ? manual.leaseMs : 0) };
    const collector = await Collector.start();
    const directory = temporaryDirectory();
    const { channel } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    channel.append(record(1));
    const before = onlyFile(directory);
    calls = 0;
    expect(channel.append(record(2))).toBe(true);
    const after = readFileSync(onlyFile(directory));
    expect(onlyFile(directory)).not.toBe(before);
    for (const seq of [1, 2]) expect(after.includes(Buffer.from(record(seq).bytes))).toBe(true);
  });

  it('lost to another process makes the owner go on in a new file, and loses nothing', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const directory = temporaryDirectory();
    const { channel } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    channel.append(record(1));
    renameSync(onlyFile(directory), join(directory, `${'f'.repeat(32)}.spool`));
    channel.append(record(2));
    runtime.advance(runtime.leaseMs / 3);
    channel.append(record(3));
    expect(spoolFiles(directory)).toHaveLength(2);
    await channel.flush(5_000);
    expect(collector.seqs).toEqual([1, 2, 3]);
  });
});
