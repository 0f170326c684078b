export * from './attributes.js';
export { canonicalize } from './canonical.js';
export type {
  ApprovalDetails,
  AttestationDetails,
  Components,
  IntentDetails,
  OutcomeDetails,
  Place,
  Position,
  SpawnDetails,
  StartDetails,
  Tool,
} from './details.js';
export { type CommittedField, commitment, compositeFingerprint, fingerprintDigest, linkHash } from './digest.js';
export { ChainError, type ChainErrorCode } from './errors.js';
export {
  type Against,
  FINDING_CODES,
  FINDING_RULES,
  type Finding,
  type FindingCode,
  type FindingRule,
  type Severity,
  type Verdict,
} from './findings.js';
export { MASKED, systemPromptValue, type ToolDefinition, toolsValue } from './fingerprint.js';
export { type Hashing, portableHashing } from './hashing.js';
export { type Reading, readSpan } from './link.js';
export { toCanonical } from './lossy.js';
export {
  approves,
  entriesFor,
  parseRegister,
  type Register,
  type RegisterEntry,
  registerEntrySchema,
  registerSchema,
} from './register.js';
export { isRelevantKey, type OtherValue, type SpanView, type WireValue } from './span.js';
export { coveredText } from './text.js';
export { MemoryRecords } from './verify/memory-records.js';
export type {
  Limits,
  LinkCopy,
  Records,
  Release,
  SessionReport,
  StepResult,
  VerifierEvent,
  VerifierOptions,
} from './verify/types.js';
export {
  createVerifier,
  DEFAULT_LIMITS,
  forget,
  isSettled,
  linksHeld,
  reportOf,
  resume,
  sessionsInMemory,
  step,
  type VerifierState,
} from './verify/verifier.js';
export { ChainWriter, type WriterOptions, type WrittenLink } from './writer.js';
