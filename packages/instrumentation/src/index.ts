export { type AuditedDecorator, type AuditedOptions, audited } from './audited.js';
export { CustodyError, type CustodyErrorCode } from './errors.js';
export type { EvidenceState } from './evidence/types.js';
export { type Flushed, flush } from './exit.js';
export type { AdapterStatus } from './global.js';
export { governTools } from './govern.js';
export { ActionDenied } from './guard.js';
export { CustodyInstrumentation, type CustodyInstrumentationConfig, type EvidenceConfig } from './instrumentation.js';
export { defaultRedact } from './redact.js';
export { session } from './session.js';
export type { Capture } from './settings.js';
export { type Status, status } from './status.js';
export type {
  ActionStatus,
  ActiveSession,
  Agent,
  AskedCall,
  Hold,
  MemoryContent,
  MemoryEntry,
  MemorySource,
  ModelCall,
  ModelRequest,
  Reason,
  ReasonSource,
  Redact,
  RedactContext,
  SessionOptions,
  SessionOutcome,
  ToolDefinition,
} from './types.js';
