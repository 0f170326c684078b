import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { SettingsError } from './errors.js';
import { type Command, SETTINGS, type SettingKey, type SettingRow, type Settings, settingsOf, settingsShape } from './schema.js';
import { type IngestToken, ingestTokens } from './tokens.js';

/** Where settings come from: flags before variables before the file before defaults. */
export interface SettingSources {
  /** By setting key; undefined where a flag was not given. Repeated flags are arrays. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: NodeJS.ProcessEnv;
  /** `--config`; by default CUSTODY_CONFIG, else none. */
  readonly config?: string | undefined;
}

/** The settings that a subcommand has; the others stay at their defaults. */
export type LoadedSettings = Settings & {
  /** Where a value was set, as people name it: `--gap-grace`, `CUSTODY_GAP_GRACE`, `custody.yaml: gap-grace`; absent for a default. */
  readonly places: ReadonlyMap<SettingKey, string>;
};

interface Found {
  readonly value: unknown;
  readonly place: string;
}

/**
 * Reads the settings of a subcommand.
 *
 * @throws SettingsError that names the place (flag, variable, or file and key), what is wrong, and what is expected
 * @example const settings = loadSettings('collect', { flags: { listen: '127.0.0.1:0' }, env: process.env });
 */
export function loadSettings(command: Command, sources: SettingSources): LoadedSettings {
  const file = readConfig(sources.config ?? nonEmpty(sources.env['CUSTODY_CONFIG']));
  const rows = new Set(settingsOf(command));
  const places = new Map<SettingKey, string>();
  const values: Partial<Record<SettingKey, unknown>> = {};
  for (const row of SETTINGS) {
    const found = rows.has(row) ? find(row, sources, file) : undefined;
    const parsed: z.ZodSafeParseResult<unknown> = settingsShape[row.key].safeParse(found?.value);
    if (!parsed.success) throw invalid(row, found, parsed.error);
    values[row.key] = parsed.data;
    if (found !== undefined) places.set(row.key, found.place);
  }
  const settings = values as Settings;
  if (settings.ingestTokenFile === undefined) return { ...settings, places };
  const fromFile = readIngestTokens(settings.ingestTokenFile, places.get('ingestTokenFile') ?? '--ingest-token-file');
  return { ...settings, ingestToken: [...settings.ingestToken, ...fromFile], places };
}

function find(row: SettingRow, sources: SettingSources, file: ConfigFile | undefined): Found | undefined {
  const flag = sources.flags[row.key];
  if (flag !== undefined) return { value: flag, place: `--${row.name}` };
  // An empty variable is one that is not set, as in the OpenTelemetry specification.
  const variable = nonEmpty(sources.env[row.env]);
  if (variable !== undefined) return { value: row.list === undefined ? variable : listOf(variable, row.list), place: row.env };
  const value = file?.values.get(row.name);
  if (file === undefined || value === undefined || value === null) return undefined;
  return { value: row.list !== undefined && typeof value === 'string' ? [value] : value, place: `${file.path}: ${row.name}` };
}

function listOf(text: string, separator: 'comma' | 'space'): string[] {
  return text
    .split(separator === 'comma' ? ',' : /\s+/)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function invalid(row: SettingRow, found: Found | undefined, error: z.ZodError): SettingsError {
  const shown = typeof found?.value === 'string' && !SECRET.has(row.key) ? ` '${excerpt(found.value)}'` : '';
  return new SettingsError('invalid_setting', `${found?.place ?? row.name}${shown}: ${reason(error)}`);
}

/** Settings whose wrong values may be a credential pasted into the wrong place. */
const SECRET: ReadonlySet<SettingKey> = new Set([
  'tempo',
  'tempoQuery',
  'tempoHeader',
  'tempoQueryHeader',
  'ingestToken',
  'readerToken',
  'findingsWebhook',
  'findingsWebhookSecret',
  'approverToken',
  'approvalsWebhook',
  'approvalsWebhookSecret',
  'approvalsCallbackSecret',
  'oidcClientSecret',
]);

function reason(error: z.ZodError): string {
  const issue = error.issues[0];
  const at = issue?.path.join('.') ?? '';
  return `${at === '' ? '' : `${at}: `}${issue?.message ?? 'not valid'}`;
}

/** Quoted as in JSON and cut: a wrong value may be a whole file. */
function excerpt(text: string): string {
  return JSON.stringify(text.slice(0, 80)).slice(1, -1);
}

interface ConfigFile {
  readonly path: string;
  readonly values: ReadonlyMap<string, unknown>;
}

function readConfig(path: string | undefined): ConfigFile | undefined {
  if (path === undefined) return undefined;
  const parsed = z.record(z.string(), z.unknown()).nullable().safeParse(readYaml(path, '--config'));
  if (!parsed.success)
    throw new SettingsError('unreadable_file', `${path}: expected a mapping of settings, such as 'listen: 127.0.0.1:4318'`);
  const values = new Map(Object.entries(parsed.data ?? {}));
  const known = new Set(SETTINGS.map((row) => row.name));
  for (const name of values.keys()) {
    if (known.has(name)) continue;
    throw new SettingsError(
      'unknown_setting',
      `${path}: there is no setting '${excerpt(name)}'; the settings are ${[...known].join(', ')}`,
    );
  }
  return { path, values };
}

function readIngestTokens(path: string, place: string): readonly IngestToken[] {
  const parsed = ingestTokens().safeParse(readYaml(path, place) ?? []);
  if (parsed.success) return parsed.data;
  throw new SettingsError('invalid_setting', `${path} (${place}): ${reason(parsed.error)}`);
}

function readYaml(path: string, place: string): unknown {
  try {
    return parseYaml(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new SettingsError('unreadable_file', `${place} ${path}: ${(error as Error).message.split('\n')[0]}`, { cause: error });
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text;
}
