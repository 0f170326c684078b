import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { ChainError, commitment, type Hashing, portableHashing } from '../src/index.js';

vi.setConfig({ testTimeout: 60_000 });

const nodeHashing: Hashing = {
  sha256: (text) => createHash('sha256').update(text, 'utf8').digest('hex'),
  hmacSha256: (saltHex, text) => createHmac('sha256', Buffer.from(saltHex, 'hex')).update(text, 'utf8').digest('hex'),
};
const anyText = fc.string({ unit: 'binary', maxLength: 300 });
const salt = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));

describe('the portable hashing', () => {
  test('is that of node for any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(portableHashing.sha256(text)).toBe(nodeHashing.sha256(text));
      }),
    );
  });

  test('under any salt, too', () => {
    fc.assert(
      fc.property(salt, anyText, (key, text) => {
        expect(portableHashing.hmacSha256(key, text)).toBe(nodeHashing.hmacSha256(key, text));
      }),
    );
  });
});

test.each(['', 'ab', 'AB'.repeat(32), 'ab'.repeat(33), 'zz'.repeat(32), ` ${'ab'.repeat(32)}`])(
  'a commitment under the salt %j is refused',
  (bad) => {
    expect(() => commitment('arguments', '{}', bad, portableHashing)).toThrow(ChainError);
  },
);

test('commitments of one text in different fields, or under different salts, have nothing in common', () => {
  fc.assert(
    fc.property(anyText, salt, salt, (text, one, two) => {
      fc.pre(one !== two);
      const digests = [
        commitment('arguments', text, one, portableHashing),
        commitment('result', text, one, portableHashing),
        commitment('reason', text, one, portableHashing),
        commitment('arguments', text, two, portableHashing),
      ];
      expect(new Set(digests).size).toBe(4);
    }),
  );
});
