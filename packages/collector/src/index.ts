export { SERVICE_NAME } from './engine/spans.js';
export { LedgerError, type LedgerErrorCode } from './ledger/errors.js';
export type { LogLevel } from './log.js';
export { METRIC } from './metric-names.js';
export { ReceiverError, type ReceiverErrorCode } from './receive/index.js';
export { RegisterFileError, type RegisterFileErrorCode, readRegister } from './register-file.js';
export { type FindingJson, findingJson, type SessionJson, sessionJson } from './report-json.js';
export { type Collector, type CollectorOptions, startCollector } from './service.js';
export type { Forwarding } from './settings/forwarding.js';
export {
  type IngestToken,
  newToken,
  SETTINGS,
  type SettingRow,
  SettingsError,
  type SettingsErrorCode,
  tokenHash,
} from './settings/index.js';
export type { ListenAddress } from './settings/values.js';
