export { assemble } from './assemble.js';
export { IntakeError } from './error.js';
export { scanJson } from './json/index.js';
export { PACKED_HEAD_BYTES, packed, unpacked, unpackedSize } from './packed.js';
export { scanRequest } from './scan.js';
export type { ForwardPart, Scanned, ScannedSpan } from './types.js';
