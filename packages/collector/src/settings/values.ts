import { z } from 'zod';
import { LEAST_DAYS } from '../handover/retention.js';

// The types of settings. A value comes as text from a flag or a variable and as itself from YAML, so each type takes both.
// Messages name what is expected and an example; the loader puts the place in front. Secrets are never repeated in a message.

/** Where to listen. `host` is without brackets. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

function number(expected: string, min: number, max: number, whole: boolean) {
  return z.union([z.number(), z.string()]).transform((value, context) => {
    const parsed = typeof value === 'number' ? value : /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : Number.NaN;
    if (parsed >= min && parsed <= max && (!whole || Number.isSafeInteger(parsed))) return parsed;
    context.addIssue({ code: 'custom', message: `expected ${expected}` });
    return z.NEVER;
  });
}

/** Seconds, fractions allowed; at most a year, since timers and clocks misbehave far beyond. */
export const seconds = (min: number) => number(`a number of seconds from ${min} to 31536000, such as 30`, min, 31_536_000, false);
/** Minutes, fractions allowed, up to a week. */
export const minutes = () => number('a number of minutes from 0.001 to 10080, such as 10', 0.001, 10_080, false);
export const count = () => number('a whole number from 1 to 1000000000, such as 10000', 1, 1_000_000_000, true);
export const bytes = () => number('a whole number of bytes from 1024 to 1073741824, such as 67108864', 1024, 1_073_741_824, true);

/** Six months is the least that the law asks for where it applies (Regulation (EU) 2024/1689, articles 19 and 26(6)). */
export const retainedDays = () =>
  number('a whole number of days from 180 to 36500 (for less: agent-custody retain --force)', LEAST_DAYS, 36_500, true);

const SECRET_EXAMPLE = 'expected whsec_ and the base64 of 24 to 64 random bytes, as `echo whsec_$(openssl rand -base64 32)` prints it';

/** Secrets of a webhook as the Standard Webhooks specification writes them; several sign side by side. */
export const webhookSecrets = () =>
  z.array(
    z
      .string({ error: SECRET_EXAMPLE })
      .regex(/^whsec_[A-Za-z0-9+/]+={0,2}$/, SECRET_EXAMPLE)
      .refine((secret) => isKeyLength(Buffer.from(secret.slice('whsec_'.length), 'base64').length), SECRET_EXAMPLE),
    { error: SECRET_EXAMPLE },
  );

const isKeyLength = (length: number): boolean => length >= 24 && length <= 64;

export const text = () => z.string({ error: 'expected a text' }).min(1, 'expected a text, found nothing');

export const path = () => z.string({ error: 'expected a path' }).min(1, 'expected a path, found nothing');

export const toggle = () =>
  z.union([z.boolean(), z.string()], { error: 'expected true or false' }).transform((value, context) => {
    if (typeof value === 'boolean') return value;
    if (/^(1|true|yes|on)$/i.test(value)) return true;
    if (/^(0|false|no|off)$/i.test(value)) return false;
    context.addIssue({ code: 'custom', message: 'expected true or false' });
    return z.NEVER;
  });

export const oneOf = <const T extends readonly [string, ...string[]]>(names: T) =>
  z.enum(names, { error: `expected one of ${names.join(', ')}` });

export const listenAddress = () =>
  z.string({ error: 'expected HOST:PORT, such as 127.0.0.1:4318' }).transform((value, context): ListenAddress => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(value.trim());
    const port = Number(match?.[3]);
    const host = match?.[1] ?? match?.[2];
    if (host !== undefined && port <= 65535) return { host, port };
    context.addIssue({
      code: 'custom',
      message: 'expected HOST:PORT, such as 127.0.0.1:4318, [::1]:4318 or 0.0.0.0:4318 (port 0: any free one)',
    });
    return z.NEVER;
  });

const SILENCE_EXAMPLE = 'expected AGENT=SECONDS, such as billing-bot=86400';

/** How long agents may be silent: `agent=seconds`, one a string, or a mapping. Seconds by agent id. */
export const silences = () =>
  z
    .union([z.array(z.string()), z.record(z.string(), z.union([z.number(), z.string()]))], { error: SILENCE_EXAMPLE })
    .transform((value, context): ReadonlyMap<string, number> => {
      const pairs = Array.isArray(value) ? value.map(silencePair) : Object.entries(value);
      const limits = new Map<string, number>();
      for (const [agent, text] of pairs) {
        const limit = seconds(1).safeParse(text);
        if (agent === '' || !limit.success) {
          context.addIssue({ code: 'custom', message: `'${agent.slice(0, 64)}': ${SILENCE_EXAMPLE}` });
          return z.NEVER;
        }
        limits.set(agent, limit.data);
      }
      return limits;
    });

/** At the last '=': an agent's id may hold one. */
function silencePair(text: string): readonly [string, string] {
  const at = text.lastIndexOf('=');
  return at < 0 ? ['', ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** An http or https URL. Credentials in it would end up in logs and process lists, so they are refused. */
export const url = () =>
  z.string({ error: 'expected a URL, such as http://127.0.0.1:3200' }).transform((value, context): string => {
    const parsed = URL.canParse(value.trim()) ? new URL(value.trim()) : undefined;
    const problem =
      parsed === undefined || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')
        ? 'expected an http:// or https:// URL, such as http://127.0.0.1:4318'
        : parsed.username !== '' || parsed.password !== ''
          ? 'a URL must not hold a user name or password: send credentials with --tempo-header'
          : undefined;
    if (problem === undefined) return value.trim();
    context.addIssue({ code: 'custom', message: problem });
    return z.NEVER;
  });

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Headers of outgoing requests: `Name: value` or `name=value`, one a string, or a mapping. */
export const headers = () =>
  z
    .union([z.array(z.string()), z.record(z.string(), z.union([z.string(), z.number()]).transform(String))], {
      error: "expected headers, such as 'X-Scope-OrgID: tenant-1'",
    })
    .transform((value, context): Readonly<Record<string, string>> => {
      const pairs = Array.isArray(value) ? value.map(headerPair) : Object.entries(value);
      for (const [index, [name, text]] of pairs.entries()) {
        if (HEADER_NAME.test(name) && HEADER_VALUE.test(text)) continue;
        // The value is not shown: it is usually a credential.
        context.addIssue({ code: 'custom', message: `header ${index + 1}: expected 'Name: value' or 'name=value', in printable ASCII` });
        return z.NEVER;
      }
      return Object.fromEntries(pairs.map(([name, text]) => [name.toLowerCase(), text]));
    });

function headerPair(text: string): readonly [string, string] {
  const at = text.search(/[:=]/);
  return at < 0 ? ['', ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}
