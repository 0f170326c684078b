export { LedgerError, type LedgerErrorCode } from './errors.js';
export type {
  Act,
  Disposed,
  Erasure,
  Kin,
  Ledger,
  NewNotice,
  Notice,
  OutboxEntry,
  Page,
  PageRequest,
  PrunedSession,
  Pruning,
  RecordedFinding,
  RecordedLink,
  Rewritten,
  Run,
  SessionRow,
  VerdictCount,
} from './ledger.js';
export { openSqliteLedger, readSqliteLedger } from './sqlite/index.js';
