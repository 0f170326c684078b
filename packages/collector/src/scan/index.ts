export { assemble } from './assemble.js';
export { IntakeError } from './error.js';
export { scanJson } from './json/index.js';
export { scanRequest } from './scan.js';
export type { ForwardPart, Scanned, ScannedSpan } from './types.js';
