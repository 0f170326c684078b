import { portableHashing } from '@agent-custody/chain';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nodeHashing } from '../src/hashing.js';

const salt = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));

it("node's hashing answers what the portable one does, for any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), salt, (text, key) => {
      expect(nodeHashing.sha256(text)).toBe(portableHashing.sha256(text));
      expect(nodeHashing.hmacSha256(key, text)).toBe(portableHashing.hmacSha256(key, text));
    }),
  );
});
