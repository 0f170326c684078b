import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, readFrames } from '../src/evidence/frame.js';
import { decodeHeader, destinationOf, encodeHeader } from '../src/evidence/header.js';
import { record } from './evidence-support.js';

const frame = (seq: number, size = 0): Buffer => encodeFrame(record(seq, { size })) as Buffer;

const anyRecord = fc.record({
  session: fc.stringMatching(/^[0-9a-f]{32}$/),
  seq: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  bytes: fc.uint8Array({ maxLength: 300 }),
});

describe('frames', () => {
  it('come back as they were written, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 5 }), (records) => {
        const bytes = Buffer.concat(records.map((each) => encodeFrame(each) as Buffer));
        const frames = readFrames(bytes, 10);
        expect(frames).toMatchObject({ type: 'records', size: bytes.length });
        const read = frames.type === 'records' ? frames.records : [];
        expect(read.map((each) => ({ ...each, bytes: [...each.bytes] }))).toEqual(
          records.map((each) => ({ ...each, bytes: [...each.bytes] })),
        );
      }),
    );
  });

  it('are read up to a torn end, wherever it was torn', () => {
    const whole = Buffer.concat([frame(1), frame(2)]);
    const last = frame(3);
    for (let length = 0; length < last.length; length++) {
      const frames = readFrames(Buffer.concat([whole, last.subarray(0, length)]), 10);
      expect(frames.type === 'records' && frames.records.map(({ seq }) => seq), `torn after ${length} bytes`).toEqual([1, 2]);
      expect(frames).toMatchObject({ size: whole.length });
    }
  });

  it('never yield a record that was not written when a bit is flipped', () => {
    const clean = Buffer.concat([frame(1), frame(2), frame(3)]);
    fc.assert(
      fc.property(fc.nat({ max: clean.length * 8 - 1 }), (bit) => {
        const damaged = Buffer.from(clean);
        damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        const written = [1, 2, 3].map((seq) => record(seq).bytes.toString());
        const frames = readFrames(damaged, 10);
        const read = frames.type === 'records' ? frames.records : [];
        expect(read.length).toBeLessThan(3);
        for (const each of read) expect(written).toContain(each.bytes.toString());
      }),
    );
  });

  it('are passed over one by one where the next begins right behind a damaged one', () => {
    const damaged = frame(1);
    damaged.writeUInt8(damaged.readUInt8(20) ^ 1, 20);
    expect(readFrames(Buffer.concat([damaged, frame(2)]), 10)).toEqual({ type: 'corrupt', size: damaged.length });
  });

  it('hidden in the content of a damaged one are not read', () => {
    const hidden = frame(7);
    const carrier = encodeFrame({ session: record(1).session, seq: 1, bytes: hidden }) as Buffer;
    carrier.writeUInt32LE(carrier.readUInt32LE(4) + 1, 4);
    expect(readFrames(Buffer.concat([carrier, Buffer.alloc(40)]), 10)).toEqual({ type: 'corrupt', size: Number.POSITIVE_INFINITY });
  });

  it('are not seen in a run of zeros', () => {
    expect(readFrames(Buffer.alloc(64), 10)).toEqual({ type: 'corrupt', size: Number.POSITIVE_INFINITY });
  });

  it('are not made of a session id that does not fit', () => {
    expect(encodeFrame({ session: 'x'.repeat(256), seq: 1, bytes: new Uint8Array(1) })).toBeUndefined();
  });
});

describe('the header of a spool file', () => {
  const header = {
    owner: '00112233445566778899aabbccddeeff',
    leaseUntil: 1_800_000_015_000,
    acknowledged: 4_321,
    destination: destinationOf(new URL('http://127.0.0.1:4318/v1/traces')),
  };

  it('comes back as it was written', () => {
    expect(decodeHeader(encodeHeader(header))).toEqual(header);
  });

  it('is refused with any byte changed or missing', () => {
    const bytes = encodeHeader(header);
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 0x10, at);
      expect(decodeHeader(changed), `byte ${at}`).toBeUndefined();
    }
    expect(decodeHeader(bytes.subarray(0, -1))).toBeUndefined();
  });

  it('names a collector by its address, not by credentials', () => {
    const named = (url: string): string => destinationOf(new URL(url)).toString('hex');
    expect(named('https://u:p@collector:4318/v1/traces?key=1')).toBe(named('https://collector:4318/v1/traces'));
    expect(named('https://collector:4318/v1/traces')).not.toBe(named('https://collector:4319/v1/traces'));
  });
});
