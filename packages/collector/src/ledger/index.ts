export { LedgerError, type LedgerErrorCode } from './errors.js';
export type {
  Ledger,
  OutboxEntry,
  Page,
  PageRequest,
  RecordedFinding,
  RecordedLink,
  SessionRow,
  VerdictCount,
} from './ledger.js';
export { openSqliteLedger, readSqliteLedger } from './sqlite/index.js';
