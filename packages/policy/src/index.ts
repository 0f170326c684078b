export { type CompiledPolicy, type CompileOptions, compilePolicy } from './compile.js';
export type { Condition } from './conditions/schema.js';
export { decide, decideSpawn, settle } from './decide.js';
export { PolicyError, type PolicyErrorCode } from './errors.js';
export { type LintOptions, lintPolicy } from './lint/lint.js';
export type { LintCode, Note } from './lint/note.js';
export { type Policy, parsePolicy, policyValue } from './parse.js';
export type { PolicyDocument } from './schema.js';
export { createState, forgetSession, restoreState } from './state.js';
export type {
  Action,
  ActionStatus,
  ApprovalRequirement,
  Decision,
  Permit,
  PermitEntry,
  PolicyDecision,
  PolicyState,
  RecordedDecision,
  Verdict,
} from './types.js';
export { onRecord } from './verdict.js';
