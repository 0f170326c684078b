export { createEvidenceChannel } from './channel.js';
export { EvidenceError } from './errors.js';
export { defaultSpoolDirectory } from './spool-directory.js';
export type { EvidenceChannel, EvidenceLoss, EvidenceOptions, EvidenceRecord, EvidenceState } from './types.js';
