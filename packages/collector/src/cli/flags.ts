import { printable } from '../printable.js';
import { EvidenceError } from '../verify/collector-api.js';
import { EXIT } from '../verify/status.js';
import { CommandError, UsageError } from './errors.js';

// What several subcommands take, read and refused in one way.

/** @throws UsageError when the flag was not given */
export function required(value: string | undefined, flag: string, command: string): string {
  if (value !== undefined && value.trim() !== '') return value;
  throw new UsageError(`${command}: ${flag} is missing`);
}

/** The id of a session, as `--session` gives it. @throws UsageError */
export function sessionId(text: string): string {
  if (/^[0-9a-f]{32}$/.test(text)) return text;
  throw new UsageError('--session: a session id is 32 lower-case hex');
}

/** An http or https URL, whole and without credentials, which would end up in process lists. @throws UsageError */
export function httpUrl(text: string | undefined, flag: string, example: string): string {
  const url = text !== undefined && URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new UsageError(`${flag}: expected an http:// or https:// URL, such as ${example}`);
  if (url.username !== '' || url.password !== '')
    throw new UsageError(`${flag}: a URL must not hold a user name or password; send credentials as a header`);
  return url.href;
}

/** A collector to be asked: `--collector`, and its reader's token from `--token` or CUSTODY_TOKEN. @throws UsageError */
export function collectorAddress(url: string, token: string | undefined): { readonly url: string; readonly token: string | undefined } {
  return { url: httpUrl(url, '--collector', 'http://127.0.0.1:4318'), token: token ?? (process.env['CUSTODY_TOKEN'] || undefined) };
}

/** Asks a collector. @throws CommandError when it cannot be asked */
export async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof EvidenceError) throw new CommandError(EXIT.incomplete, error.message, { cause: error });
    throw error;
  }
}

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** A duration such as `90m` or `30d`, ms; undefined when the text is none. */
export function durationMs(text: string): number | undefined {
  const [, number, unit] = /^([1-9]\d{0,5})([smhdw])$/.exec(text.trim()) ?? [];
  return number === undefined ? undefined : Number(number) * UNIT_MS[unit as keyof typeof UNIT_MS];
}

const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** A date (midnight UTC) or a moment with its zone, Unix ms. @param expected beside a date @throws UsageError */
export function instantMs(text: string, flag: string, expected = ''): number {
  const ms = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new UsageError(`${flag} '${printable(text.slice(0, 40))}': expected ${expected}a date such as 2027-01-01 or 2027-01-01T12:00:00Z`);
}
