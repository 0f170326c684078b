export { planCollect } from './collect.js';
export { SettingsError, type SettingsErrorCode } from './errors.js';
export { type LoadedSettings, loadSettings } from './load.js';
export { type Command, defaultLedgerPath, SETTINGS, type SettingRow, settingsOf } from './schema.js';
export { type IngestToken, newToken, tokenHash } from './tokens.js';
