import type { Agent } from './types.js';

/** What may leave the process beside its digest. */
export interface Capture {
  readonly arguments: boolean;
  readonly reason: boolean;
  readonly result: boolean;
  /** UTF-8 bytes; content over it is left out, never cut. */
  readonly maxBytes: number;
}

/** What the environment says, with a default for everything. */
export interface Settings {
  readonly agent: Agent;
  readonly owner: string | undefined;
  readonly principal: string | undefined;
  /** Paths; undefined: the agent has no memory. */
  readonly memory: readonly string[] | undefined;
  /** Directory of the spool; undefined: the user's state directory. */
  readonly spool: string | undefined;
  /** `acknowledged`: no tool runs before the collector has durably taken its intent. */
  readonly durability: 'memory' | 'spool' | 'acknowledged';
  /** How long the collector may take for that, ms. */
  readonly acknowledgeMs: number;
  /** Policy files; undefined: every action is allowed. */
  readonly policy: readonly string[] | undefined;
  readonly capture: Capture;
  /** Refuse to run when an adapter could not be armed. */
  readonly strict: boolean;
  /** Full URL of the collector's trace receiver. */
  readonly endpoint: string;
  /** For that endpoint alone; they may hold a token. */
  readonly headers: Readonly<Record<string, string>>;
  readonly heartbeatMs: number;
  readonly idleMs: number;
  /** What could not be read, and what stands in its place. */
  readonly warnings: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_ENDPOINT = 'http://localhost:4318';
const CONTENT_LIMIT = 16 * 1024;

/**
 * Reads the CUSTODY_* variables, and of OTEL_* those that name the service and the collector. A value that makes no sense is
 * replaced by the default and named in `warnings`: a setting never breaks the application.
 *
 * @example readSettings({ CUSTODY_AGENT_ID: 'billing-bot', CUSTODY_CAPTURE: 'arguments' })
 */
export function readSettings(env: Environment): Settings {
  const warnings: string[] = [];
  const read = new Reader(env, warnings);
  const service = read.text('OTEL_SERVICE_NAME') ?? serviceOf(read.text('OTEL_RESOURCE_ATTRIBUTES')) ?? 'unknown_service:node';
  const id = read.text('CUSTODY_AGENT_ID') ?? service;
  const endpoint = read.endpoint();
  return {
    agent: { id, name: read.text('CUSTODY_AGENT_NAME') ?? id, version: read.text('CUSTODY_AGENT_VERSION') },
    owner: read.text('CUSTODY_OWNER'),
    principal: read.text('CUSTODY_PRINCIPAL'),
    memory: read.list('CUSTODY_MEMORY'),
    spool: read.text('CUSTODY_SPOOL'),
    durability: read.choice('CUSTODY_DURABILITY', ['memory', 'spool', 'acknowledged'], 'spool'),
    acknowledgeMs: read.seconds('CUSTODY_ACKNOWLEDGE_TIMEOUT', 10) * 1000,
    policy: read.list('CUSTODY_POLICY'),
    capture: read.capture(),
    strict: read.flag('CUSTODY_STRICT'),
    endpoint: endpoint.url,
    headers: read.headers(endpoint.own),
    heartbeatMs: read.seconds('CUSTODY_HEARTBEAT', 300) * 1000,
    idleMs: read.seconds('CUSTODY_SESSION_IDLE', 900) * 1000,
    warnings,
  };
}

const FIELDS = ['arguments', 'reason', 'result'] as const;

class Reader {
  private readonly env: Environment;
  private readonly warnings: string[];

  constructor(env: Environment, warnings: string[]) {
    this.env = env;
    this.warnings = warnings;
  }

  /** As OpenTelemetry reads its own: an empty variable is one that is not set. */
  text(name: string): string | undefined {
    const value = this.env[name]?.trim();
    return value === '' ? undefined : value;
  }

  list(name: string): readonly string[] | undefined {
    const items = this.text(name)
      ?.split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    return items?.length ? items : undefined;
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const found = choices.find((choice) => choice === value.toLowerCase());
    return found ?? this.warn(name, `'${value}' is none of ${choices.join(', ')}`, fallback);
  }

  flag(name: string): boolean {
    const value = this.text(name)?.toLowerCase();
    if (value === undefined || value === 'false' || value === '0') return false;
    return value === 'true' || value === '1' || this.warn(name, `'${value}' is neither true nor false`, false);
  }

  seconds(name: string, fallback: number): number {
    const value = this.text(name);
    if (value === undefined) return fallback;
    const number = Number(value);
    // setTimeout holds no more than 2^31-1 ms.
    return number > 0 && number <= 2_000_000 ? number : this.warn(name, `'${value}' is no number of seconds (up to 2000000)`, fallback);
  }

  capture(): Capture {
    const listed = this.text('CUSTODY_CAPTURE');
    const names =
      listed === undefined
        ? ['arguments', 'reason']
        : listed
            .toLowerCase()
            .split(',')
            .map((name) => name.trim());
    const unknown = names.filter((name) => name !== '' && name !== 'none' && !FIELDS.some((field) => field === name));
    if (unknown.length > 0) this.warn('CUSTODY_CAPTURE', `'${unknown.join(',')}' is none of ${FIELDS.join(', ')}, none`, undefined);
    return {
      arguments: names.includes('arguments'),
      reason: names.includes('reason'),
      result: names.includes('result'),
      maxBytes: CONTENT_LIMIT,
    };
  }

  /** `own`: it was named for the evidence, and is not where the application's spans go anyway. */
  endpoint(): { readonly url: string; readonly own: boolean } {
    const own = this.url('CUSTODY_ENDPOINT', true);
    if (own !== undefined) return { url: own, own: true };
    const shared = this.url('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', false) ?? this.url('OTEL_EXPORTER_OTLP_ENDPOINT', true);
    return { url: shared ?? traces(DEFAULT_ENDPOINT), own: false };
  }

  private url(name: string, base: boolean): string | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!URL.canParse(value) || !/^https?:/i.test(value)) return this.warn(name, 'no http or https URL', undefined);
    return base ? traces(value) : value;
  }

  /** The application's OTLP headers may hold the key of another service: they do not go to an endpoint of our own. */
  headers(own: boolean): Readonly<Record<string, string>> {
    const name = this.text('CUSTODY_HEADERS') !== undefined ? 'CUSTODY_HEADERS' : own ? undefined : this.otlpHeaders();
    if (name === undefined) return {};
    const headers: Record<string, string> = {};
    for (const pair of this.list(name) ?? []) {
      const at = pair.indexOf('=');
      const value = at > 0 ? decoded(pair.slice(at + 1).trim()) : undefined;
      if (value === undefined) this.warn(name, 'a part is no key=value (values percent-encoded)', undefined);
      else headers[pair.slice(0, at).trim().toLowerCase()] = value;
    }
    return headers;
  }

  private otlpHeaders(): string | undefined {
    return ['OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'OTEL_EXPORTER_OTLP_HEADERS'].find((name) => this.text(name) !== undefined);
  }

  private warn<T>(name: string, problem: string, fallback: T): T {
    const instead = fallback === undefined ? 'ignored' : `${String(fallback)} it is`;
    this.warnings.push(`${name}: ${problem}; ${instead}`);
    return fallback;
  }
}

/** The OTLP exporters' rule: the base endpoint gets `v1/traces` appended. */
function traces(base: string): string {
  const url = base.replace(/\/+$/, '');
  return url.endsWith('/v1/traces') ? url : `${url}/v1/traces`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function serviceOf(attributes: string | undefined): string | undefined {
  const pair = attributes?.split(',').find((item) => item.trim().startsWith('service.name='));
  const value = pair && decoded(pair.slice(pair.indexOf('=') + 1).trim());
  return value === '' ? undefined : value;
}
