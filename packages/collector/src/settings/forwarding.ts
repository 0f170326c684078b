import { readFileSync } from 'node:fs';
import type { Compression, TlsTrust } from '../forward/index.js';
import { SettingsError } from './errors.js';
import type { LoadedSettings } from './load.js';

/** Where spans are forwarded to. */
export interface Forwarding {
  /** The whole URL to post to. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of one request, ms. */
  readonly timeoutMs?: number;
  /** Default `gzip`. */
  readonly compression?: Compression;
  /** Of an https URL: PEM text. */
  readonly tls?: TlsTrust;
}

/** What was decided, with what people should know about it. */
export interface ForwardingDecision {
  readonly forwarding: Forwarding | undefined;
  readonly warnings: readonly string[];
}

/**
 * Where to forward: `--tempo`, else what the OTEL_EXPORTER_OTLP_* variables name, which mean here what they mean for any exporter
 * (the base endpoint gets `v1/traces`, the signal's own is used as it is, OTEL_TRACES_EXPORTER=none switches it off). Never to the
 * collector itself: its own output coming back in would circle for ever.
 *
 * @throws SettingsError for a `--tempo` that is the collector itself, and for variables that ask for gRPC
 */
export function forwardingOf(settings: LoadedSettings, env: NodeJS.ProcessEnv): ForwardingDecision {
  const warnings: string[] = [];
  const timeout = Number(env['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT'] || env['OTEL_EXPORTER_OTLP_TIMEOUT'] || Number.NaN);
  const timing = timeout > 0 ? { timeoutMs: timeout } : {};
  const how = (url: string) => ({ ...timing, compression: compressionTo(url, settings, env), ...trusting(url, env) });
  if (settings.tempo !== undefined) {
    const url = tracesUrl(settings.tempo);
    if (isItself(url, settings)) {
      throw new SettingsError(
        'conflicting_settings',
        `${settings.places.get('tempo')}: the collector would forward to itself; name Tempo's own OTLP address, or listen elsewhere (--listen)`,
      );
    }
    // The headers of OTEL_EXPORTER_OTLP_HEADERS belong to the endpoint beside them: they may be credentials of another service.
    return { forwarding: { url, headers: settings.tempoHeader, ...how(url) }, warnings };
  }
  const url = env['OTEL_TRACES_EXPORTER'] === 'none' || env['OTEL_SDK_DISABLED'] === 'true' ? undefined : otelEndpoint(env);
  if (url === undefined) return { forwarding: undefined, warnings };
  if (isItself(url, settings)) {
    // What agents on this machine use to find the collector; not a wish to forward.
    return {
      forwarding: undefined,
      warnings: [...warnings, `the OTEL_EXPORTER_OTLP endpoint is this collector's own address: not forwarding (--tempo names where to)`],
    };
  }
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL'];
  if (protocol === 'grpc') {
    throw new SettingsError(
      'conflicting_settings',
      `OTEL_EXPORTER_OTLP_PROTOCOL=grpc: spans are forwarded as OTLP/HTTP; name that endpoint with --tempo`,
    );
  }
  const headers = {
    ...otelHeaders(env['OTEL_EXPORTER_OTLP_HEADERS']),
    ...otelHeaders(env['OTEL_EXPORTER_OTLP_TRACES_HEADERS']),
    ...settings.tempoHeader,
  };
  return { forwarding: { url, headers, ...how(url) }, warnings };
}

function otelEndpoint(env: NodeJS.ProcessEnv): string | undefined {
  const own = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  if (own) return checked(own, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  return base ? `${checked(base, 'OTEL_EXPORTER_OTLP_ENDPOINT').replace(/\/+$/, '')}/v1/traces` : undefined;
}

function checked(url: string, place: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw new SettingsError('invalid_setting', `${place}: expected an http:// or https:// URL, such as http://127.0.0.1:4318`);
}

/** `key=value,key=value`, values percent-encoded, as the OpenTelemetry specification has it; what does not parse is left out. */
function otelHeaders(text: string | undefined): Record<string, string> {
  const out: Record<string, string> = {};
  for (const pair of text?.split(',') ?? []) {
    const at = pair.indexOf('=');
    if (at < 1) continue;
    try {
      out[pair.slice(0, at).trim().toLowerCase()] = decodeURIComponent(pair.slice(at + 1).trim());
    } catch {
      out[pair.slice(0, at).trim().toLowerCase()] = pair.slice(at + 1).trim();
    }
  }
  return out;
}

function tracesUrl(url: string): string {
  const parsed = new URL(url);
  if (!parsed.pathname.endsWith('/v1/traces')) parsed.pathname = `${parsed.pathname.replace(/\/+$/, '')}/v1/traces`;
  return parsed.href;
}

function isItself(url: string, { listen }: LoadedSettings): boolean {
  const parsed = new URL(url);
  const port = Number(parsed.port || (parsed.protocol === 'https:' ? 443 : 80));
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const everywhere = listen.host === '0.0.0.0' || listen.host === '::';
  return port === listen.port && (host === listen.host || (isLoopback(host) && (everywhere || isLoopback(listen.host))));
}

/** Whether only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** Over loopback bytes cost less than compressing them; everywhere else less than a tenth of them travels. */
function compressionTo(url: string, { tempoCompression }: LoadedSettings, env: NodeJS.ProcessEnv): Compression {
  if (tempoCompression !== undefined) return tempoCompression;
  const asked = otel(env, 'COMPRESSION')?.value.toLowerCase();
  if (asked === 'gzip' || asked === 'none') return asked;
  return isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, '')) ? 'none' : 'gzip';
}

/** The files that OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_CERTIFICATE and _CLIENT_KEY name. */
function trusting(url: string, env: NodeJS.ProcessEnv): { readonly tls?: TlsTrust } {
  if (!url.startsWith('https:')) return {};
  const ca = pemOf(env, 'CERTIFICATE');
  const cert = pemOf(env, 'CLIENT_CERTIFICATE');
  const key = pemOf(env, 'CLIENT_KEY');
  if (ca === undefined && cert === undefined && key === undefined) return {};
  return { tls: { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) } };
}

function pemOf(env: NodeJS.ProcessEnv, what: string): string | undefined {
  const named = otel(env, what);
  if (named === undefined) return undefined;
  try {
    const text = readFileSync(named.value, 'utf8');
    if (text.includes('-----BEGIN ')) return text;
  } catch (error) {
    throw new SettingsError('unreadable_file', `${named.name} ${named.value}: ${(error as Error).message}`, { cause: error });
  }
  throw new SettingsError('unreadable_file', `${named.name} ${named.value}: expected a PEM file`);
}

/** A variable of the OTLP exporter: that for traces before that for all signals; an empty one is not set. */
function otel(env: NodeJS.ProcessEnv, what: string): { readonly name: string; readonly value: string } | undefined {
  const name = [`OTEL_EXPORTER_OTLP_TRACES_${what}`, `OTEL_EXPORTER_OTLP_${what}`].find((name) => env[name]);
  return name === undefined ? undefined : { name, value: env[name] as string };
}
