import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { context, propagation, trace } from '@opentelemetry/api';
import { isTracingSuppressed } from '@opentelemetry/core';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEvidenceChannel, EvidenceError } from '../src/evidence/index.js';
import { Collector, manualRuntime, openChannel, record, rejection, SESSION } from './evidence-support.js';

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('delivery', () => {
  it('posts what was appended, in order, as one OTLP protobuf request', async () => {
    const collector = await Collector.start();
    const { channel } = openChannel({ url: collector.url });
    for (const seq of range(1, 20)) expect(channel.append(record(seq))).toBe(true);
    expect(await channel.flush(5_000)).toEqual({ delivered: true, pending: 0 });
    expect(collector.requests.map(({ seqs }) => seqs)).toEqual([range(1, 20)]);
    expect(collector.requests[0]?.headers['content-type']).toBe('application/x-protobuf');
    expect(channel.state).toEqual({ spool: 'memory', pendingBytes: 0, lost: 0 });
  });

  it('posts in the background, without a flush', async () => {
    const collector = await Collector.start();
    const { channel } = openChannel({ url: collector.url });
    channel.append(record(1));
    await collector.until(() => collector.seqs.length === 1);
    expect(collector.seqs).toEqual([1]);
  });

  it('sends no batch before the one before it is answered, and keeps batches small', async () => {
    const collector = await Collector.start();
    const { channel } = openChannel({ url: collector.url });
    for (const seq of range(1, 1_300)) channel.append(record(seq));
    for (const seq of range(1_301, 1_310)) channel.append(record(seq, { size: 400_000 }));
    expect((await channel.flush(10_000)).delivered).toBe(true);
    expect(collector.seqs).toEqual(range(1, 1_310));
    expect(collector.peak).toBe(1);
    for (const { seqs, body } of collector.requests) {
      expect(seqs.length).toBeLessThanOrEqual(512);
      expect(body.length).toBeLessThanOrEqual(1 << 20);
    }
  });

  it('sends headers with every request and never logs them', async () => {
    const collector = await Collector.start();
    collector.reply = () => ({ status: 401 });
    const { channel, logged, line } = openChannel({ url: collector.url, headers: { Authorization: 'Bearer sesame' } });
    channel.append(record(1));
    await line('answered 401');
    expect(collector.requests[0]?.headers.authorization).toBe('Bearer sesame');
    expect(`${logged.join()}${JSON.stringify(channel.state)}`).not.toContain('sesame');
  });

  it('compresses when asked to', async () => {
    const collector = await Collector.start();
    const { channel } = openChannel({ url: collector.url, compression: 'gzip' });
    channel.append(record(1, { size: 2_000 }));
    expect((await channel.flush(5_000)).delivered).toBe(true);
    expect(collector.requests[0]?.headers['content-encoding']).toBe('gzip');
    expect(Number(collector.requests[0]?.headers['content-length'])).toBeLessThan(500);
  });

  it('is invisible to the instrumentation of the application', async () => {
    new NodeTracerProvider().register();
    const suppressed: boolean[] = [];
    const onRequest = (): void => {
      suppressed.push(isTracingSuppressed(context.active()));
    };
    subscribe('http.client.request.start', onRequest);
    onTestFinished(() => {
      unsubscribe('http.client.request.start', onRequest);
      for (const api of [trace, context, propagation]) api.disable();
    });
    const collector = await Collector.start();
    const { channel } = openChannel({ url: collector.url });
    channel.append(record(1));
    await channel.flush(5_000);
    expect(suppressed).toEqual([true]);
  });

  it('refuses an address that is no http URL, without repeating it', () => {
    const open = (): unknown =>
      createEvidenceChannel({ url: 'ftp://user:sesame@host', durability: 'memory', log: () => {}, onLoss: () => {} });
    expect(open).toThrow(EvidenceError);
    expect(open).toThrow(expect.objectContaining({ code: 'invalid_url', message: expect.not.stringContaining('sesame') }));
  });
});

describe('a collector in trouble', () => {
  it('that is down gets everything, in order, once it is up', async () => {
    const runtime = manualRuntime();
    const down = await Collector.start();
    const { port } = down;
    await down.stop();
    const { channel, line } = openChannel({ url: down.url }, runtime);
    channel.append(record(1));
    const flushed = channel.flush(60_000);
    expect(await line('not delivered yet')).toContain('ECONNREFUSED');
    channel.append(record(2));
    const up = await Collector.start(port);
    runtime.advance(500);
    expect(await flushed).toEqual({ delivered: true, pending: 0 });
    expect(await channel.flush(60_000)).toEqual({ delivered: true, pending: 0 });
    expect(up.seqs).toEqual([1, 2]);
    expect(await line('delivered again')).toBe('info evidence is delivered again after 1 failed attempts');
  });

  it('that stays down makes a flush end at its time and say what is pending', async () => {
    const runtime = manualRuntime();
    const down = await Collector.start();
    await down.stop();
    const { channel, line } = openChannel({ url: down.url }, runtime);
    for (const seq of range(1, 3)) channel.append(record(seq));
    const flushed = channel.flush(100);
    await line('not delivered yet');
    runtime.advance(100);
    expect(await flushed).toEqual({ delivered: false, pending: 3 });
    expect(channel.state.lastError).toContain('ECONNREFUSED');
  });

  it.each([
    [429, '3', 3_000],
    [503, 'Fri, 15 Jan 2027 08:00:09 GMT', 9_000],
  ])('that answers %i with Retry-After: %s gets the same batch again after that time, not before', async (status, retryAfter, ms) => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    collector.reply = () => (collector.requests.length === 1 ? { status, headers: { 'retry-after': retryAfter } } : {});
    const { channel, line } = openChannel({ url: collector.url }, runtime);
    channel.append(record(1));
    const flushed = channel.flush(60_000);
    await line(`answered ${status}`);
    void channel.flush(60_000);
    runtime.advance(ms - 1);
    expect(collector.requests.length).toBe(1);
    runtime.advance(1);
    expect(await flushed).toEqual({ delivered: true, pending: 0 });
    expect(collector.requests.map(({ seqs }) => seqs)).toEqual([[1], [1]]);
  });

  it('that does not answer in time gets the batch again', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    collector.reply = () => (collector.requests.length === 1 ? undefined : {});
    const { channel, line } = openChannel({ url: collector.url, timeoutMs: 2_000 }, runtime);
    channel.append(record(1));
    const flushed = channel.flush(60_000);
    await collector.until(() => collector.requests.length === 1);
    runtime.advance(2_000);
    expect(await line('not delivered yet')).toContain('no answer within 2000 ms');
    runtime.advance(500);
    expect(await flushed).toEqual({ delivered: true, pending: 0 });
    expect(collector.seqs).toEqual([1, 1]);
  });

  it('that refuses our credentials costs no record: they are sent when it takes them', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    collector.reply = () => (collector.requests.length < 3 ? { status: 403 } : {});
    const { channel, losses } = openChannel({ url: collector.url, timeoutMs: 3_600_000 }, runtime);
    channel.append(record(1));
    const flushed = channel.flush(3_600_000);
    await drive(runtime, flushed);
    expect(await flushed).toEqual({ delivered: true, pending: 0 });
    expect(channel.state.lost).toBe(0);
    expect(losses).toEqual([]);
  });
});

/** Moves time on, step by step, until the promise is settled. */
async function drive(runtime: { advance(ms: number): void }, promise: Promise<unknown>): Promise<void> {
  let settled = false;
  void promise.finally(() => {
    settled = true;
  });
  while (!settled) {
    runtime.advance(500);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('records that the collector will not take', () => {
  it('are found among the others, lost alone, and declared with the next record of their session', async () => {
    const collector = await Collector.start();
    collector.reply = ({ seqs }) => ({ status: seqs.includes(7) ? 400 : 200 });
    const { channel, losses, logged } = openChannel({ url: collector.url });
    for (const seq of range(1, 20)) channel.append(record(seq));
    expect(await channel.flush(5_000)).toEqual({ delivered: false, pending: 0 });
    expect(losses).toEqual([]);
    expect(channel.append(record(21))).toBe(true);
    expect(losses).toEqual([{ session: SESSION, first: 7, last: 7, reason: 'refused' }]);
    expect(await channel.flush(5_000)).toEqual({ delivered: true, pending: 0 });
    const taken = collector.requests.filter(({ seqs }) => !seqs.includes(7)).flatMap(({ seqs }) => seqs);
    expect(taken).toEqual(range(1, 21).filter((seq) => seq !== 7));
    expect(logged.join()).toContain(`1 records are lost, the first is link 7 of session ${SESSION}`);
    expect(channel.state.lost).toBe(1);
  });

  it('are found too when the answer is 200 with a count of rejected spans', async () => {
    const collector = await Collector.start();
    collector.reply = ({ seqs }) => {
      const bad = seqs.filter((seq) => seq === 3 || seq === 4 || seq === 11).length;
      return bad === 0 ? {} : { body: rejection(bad, 'too many attributes') };
    };
    const { channel, losses } = openChannel({ url: collector.url });
    for (const seq of range(1, 16)) channel.append(record(seq));
    expect((await channel.flush(5_000)).delivered).toBe(false);
    channel.append(record(17));
    expect(losses).toEqual([
      { session: SESSION, first: 3, last: 4, reason: 'refused' },
      { session: SESSION, first: 11, last: 11, reason: 'refused' },
    ]);
    expect(new Set(collector.seqs)).toEqual(new Set(range(1, 16)));
  });

  it('are not searched for one by one when all of them are rejected', async () => {
    const collector = await Collector.start();
    collector.reply = ({ seqs }) => ({ body: rejection(seqs.length) });
    const { channel } = openChannel({ url: collector.url });
    for (const seq of range(1, 100)) channel.append(record(seq));
    await channel.flush(5_000);
    expect(collector.requests.length).toBe(1);
    expect(channel.state.lost).toBe(100);
  });

  it('do not lead to loss upon loss when the declaration is refused as well', async () => {
    const collector = await Collector.start();
    collector.reply = ({ seqs }) => ({ body: rejection(seqs.length) });
    let seq = 2;
    const declared: number[] = [];
    const { channel } = openChannel({
      url: collector.url,
      onLoss: (loss) => {
        declared.push(loss.first);
        channel.append(record(++seq));
      },
    });
    channel.append(record(1));
    await channel.flush(5_000);
    channel.append(record(2));
    await channel.flush(5_000);
    await channel.flush(5_000);
    expect(declared).toEqual([1]);
    expect(collector.seqs).toEqual([1, 2, 3]);
  });

  it('do not hold back the others when a hop in between fails on them for good', async () => {
    const runtime = manualRuntime();
    const collector = await Collector.start();
    collector.reply = ({ seqs }) => ({ status: seqs.includes(2) ? 500 : 200 });
    const { channel } = openChannel({ url: collector.url, timeoutMs: 3_600_000 }, runtime);
    for (const seq of range(1, 3)) channel.append(record(seq));
    const flushed = channel.flush(3_600_000);
    await drive(runtime, flushed);
    expect(await flushed).toEqual({ delivered: false, pending: 0 });
    expect(channel.state.lost).toBe(1);
    expect(collector.requests.filter(({ seqs }) => !seqs.includes(2)).flatMap(({ seqs }) => seqs)).toEqual([1, 3]);
  });
});

describe('memory', () => {
  it('is bounded; what does not fit is lost, and declared as soon as there is room', async () => {
    const collector = await Collector.start();
    const { channel, losses, logged } = openChannel({ url: collector.url, maxSpoolBytes: 10_000 }, manualRuntime());
    expect(channel.append(record(1, { size: 6_000 }))).toBe(true);
    expect(channel.append(record(2, { size: 6_000 }))).toBe(false);
    expect(channel.append(record(3, { size: 6_000 }))).toBe(false);
    expect(losses).toEqual([]);
    await channel.flush(5_000);
    expect(losses).toEqual([{ session: SESSION, first: 2, last: 3, reason: 'memory_full' }]);
    expect(collector.seqs).toEqual([1]);
    expect(logged.filter((text) => text.includes('memory_full')).length).toBe(1);
  });

  it('is given up at the end, and said to be', async () => {
    const down = await Collector.start();
    await down.stop();
    const { channel, logged } = openChannel({ url: down.url });
    channel.append(record(1));
    await channel.close(0);
    expect(logged.join()).toContain('1 records in memory were not delivered before the end and are lost');
    expect(channel.append(record(2))).toBe(false);
    expect(channel.state.lost).toBe(2);
  });
});
