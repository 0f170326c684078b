import { portableHashing } from '@agent-custody/chain';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeHashing } from '../src/hashing.js';
import { newSalt, newSessionId, newSpanId, newTraceId } from '../src/random.js';

test('node’s hashing answers what the portable one answers', () => {
  const salt = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), salt, (text, key) => {
      expect(nodeHashing.sha256(text)).toBe(portableHashing.sha256(text));
      expect(nodeHashing.hmacSha256(key, text)).toBe(portableHashing.hmacSha256(key, text));
    }),
  );
});

test.each([1023, 1024, 1025, 40_000])('the commitment to a text of %i letters is the same, however many bytes each takes', (length) => {
  const salt = newSalt();
  for (const letter of ['a', 'é', '€']) {
    const text = letter.repeat(length);
    expect(nodeHashing.hmacSha256(salt, text)).toBe(portableHashing.hmacSha256(salt, text));
  }
});

test('identifiers and salts have the length that the format asks for, and never repeat', () => {
  const lengths: [() => string, number][] = [
    [newSalt, 64],
    [newSessionId, 32],
    [newTraceId, 32],
    [newSpanId, 16],
  ];
  for (const [make, length] of lengths) {
    const made = Array.from({ length: 2000 }, make);
    expect(new Set(made).size).toBe(2000);
    expect(made.every((text) => text.length === length && /^[0-9a-f]+$/.test(text))).toBe(true);
  }
});
