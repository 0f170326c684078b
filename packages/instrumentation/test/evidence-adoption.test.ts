import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HEADER_SIZE } from '../src/evidence/header.js';
import {
  abandoned,
  Collector,
  type ManualRuntime,
  manualRuntime,
  OTHER_SESSION,
  onlyFile,
  openChannel,
  record,
  rejection,
  spoolFiles,
  temporaryDirectory,
} from './evidence-support.js';

describe('adoption', () => {
  it('delivers what a process that is gone left, beside our own, and removes the file', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const directory = await abandoned(collector.url, 5, runtime);
    const { channel, line } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    channel.append(record(1, { session: OTHER_SESSION }));
    runtime.advance(0);
    expect(await line('adopted')).toMatch(/bytes to deliver/);
    await collector.until(() => collector.seqs.length === 5);
    await channel.close(5_000);
    expect(collector.seqs).toEqual([1, 2, 3, 4, 5]);
    expect(spoolFiles(directory)).toEqual([]);
  });

  it('waits until the lease is over', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const directory = temporaryDirectory();
    const held = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, { ...runtime, after: () => () => {} });
    held.channel.append(record(1));
    openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    runtime.advance(0);
    await new Promise((resolve) => setImmediate(resolve));
    runtime.advance(runtime.leaseMs - 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(collector.requests).toEqual([]);
    runtime.advance(1_000);
    await collector.until(() => collector.seqs.length === 1);
    expect(collector.seqs).toEqual([1]);
  });

  it('sends again only what was not acknowledged', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const directory = temporaryDirectory();
    const first = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    for (const seq of [1, 2, 3]) first.channel.append(record(seq));
    await first.channel.flush(5_000);
    for (const seq of [4, 5]) first.channel.append(record(seq));
    await first.channel.close(0);
    openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    runtime.advance(0);
    await collector.until(() => collector.seqs.includes(5));
    expect(collector.seqs).toEqual([1, 2, 3, 4, 5]);
  });

  it('passes over a torn end, wherever it was torn, and says so', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const whole = await abandoned(collector.url, 2, runtime);
    const directory = await abandoned(collector.url, 3, runtime);
    const name = spoolFiles(directory)[0] as string;
    const torn = readFileSync(join(directory, name));
    const end = statSync(onlyFile(whole)).size;
    for (let size = end; size < torn.length; size += 9) {
      collector.requests.length = 0;
      const once = temporaryDirectory();
      writeFileSync(join(once, name), torn.subarray(0, size), { mode: 0o600 });
      const { channel, line } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: once }, runtime);
      runtime.advance(0);
      await collector.until(() => collector.seqs.length === 2);
      if (size > end) expect(await line('hold no whole record')).toContain(`${size - end} bytes`);
      await channel.close(0);
      expect(collector.seqs).toEqual([1, 2]);
    }
  });

  it('goes on behind a damaged record', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const directory = await abandoned(collector.url, 3, runtime);
    const path = onlyFile(directory);
    const bytes = readFileSync(path);
    const second = HEADER_SIZE + (bytes.length - HEADER_SIZE) / 3;
    bytes.writeUInt8(bytes.readUInt8(second + 30) ^ 1, second + 30);
    writeFileSync(path, bytes);
    const { line } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    runtime.advance(0);
    await collector.until(() => collector.seqs.includes(3));
    expect(collector.seqs).toEqual([1, 3]);
    expect(await line('hold no whole record')).toContain(`${(bytes.length - HEADER_SIZE) / 3} bytes`);
  });

  it('leaves a file that is for another collector', async () => {
    const runtime = manualRuntime();
    const [ours, theirs] = [await Collector.start(), await Collector.start()];
    const directory = await abandoned(theirs.url, 1, runtime);
    const path = onlyFile(directory);
    const { channel, line } = openChannel({ url: ours.url, durability: 'spool', spoolDirectory: directory }, runtime);
    runtime.advance(0);
    expect(await line('for another collector')).toContain(path);
    await channel.close(5_000);
    expect(ours.requests).toEqual([]);
    expect(onlyFile(directory)).toBe(path);
  });

  it('leaves to others what the collector rejects from us, whose token may be bound to another agent', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const directory = await abandoned(collector.url, 2, runtime);
    collector.reply = ({ seqs }) => ({ body: rejection(seqs.length, 'agent not allowed') });
    const { channel, line } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    runtime.advance(0);
    await line('rejects its records from this process');
    await channel.close(5_000);
    collector.requests.length = 0;
    collector.reply = () => ({});
    openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    runtime.advance(0);
    await collector.until(() => collector.seqs.length === 2);
    expect(collector.seqs).toEqual([1, 2]);
  });

  it('takes no symbolic link, damaged header or file of another kind, and removes one that never began', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const elsewhere = await abandoned(collector.url, 1, runtime);
    const directory = await abandoned(collector.url, 1, runtime);
    truncateSync(onlyFile(directory), HEADER_SIZE + 5);
    const damaged = onlyFile(directory);
    const bytes = readFileSync(damaged);
    bytes.writeUInt8(bytes.readUInt8(30) ^ 1, 30);
    writeFileSync(damaged, bytes);
    symlinkSync(onlyFile(elsewhere), join(directory, `${'a'.repeat(32)}.spool`));
    mkdirSync(join(directory, `${'b'.repeat(32)}.spool`));
    writeFileSync(join(directory, `${'c'.repeat(32)}.spool`), '');
    writeFileSync(join(directory, 'notes.txt'), 'mine');
    const late: ManualRuntime = { ...runtime, now: () => Date.now() + 3_600_000 };
    const { channel, logged } = openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, late);
    runtime.advance(0);
    await new Promise((resolve) => setImmediate(resolve));
    await channel.close(0);
    expect(collector.requests).toEqual([]);
    expect(logged.filter((text) => text.includes('left where it is'))).toHaveLength(3);
    expect(readdirSync(directory).sort()).toEqual(
      [`${'a'.repeat(32)}.spool`, `${'b'.repeat(32)}.spool`, damaged.slice(-38), 'notes.txt'].sort(),
    );
  });

  it('gets a file whose lease ends further off than any that is given, once it has been watched', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    const directory = await abandoned(collector.url, 0, runtime);
    const ahead: ManualRuntime = { ...runtime, now: () => runtime.now() + 86_400_000, after: () => () => {} };
    openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, ahead).channel.append(record(1));
    openChannel({ url: collector.url, durability: 'spool', spoolDirectory: directory }, runtime);
    for (let i = 0; i < 5; i++) {
      expect(collector.requests).toEqual([]);
      runtime.advance(i === 0 ? 0 : runtime.leaseMs);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await collector.until(() => collector.seqs.length === 1);
    expect(collector.seqs).toEqual([1]);
  });
});
