import { SettingsError } from './errors.js';
import type { LoadedSettings } from './load.js';

/** Where spans are forwarded to. */
export interface Forwarding {
  /** The whole URL to post to. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of one request, ms. */
  readonly timeoutMs?: number;
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
  const warnings = unread(env);
  const timeout = Number(env['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT'] || env['OTEL_EXPORTER_OTLP_TIMEOUT'] || Number.NaN);
  const timing = timeout > 0 ? { timeoutMs: timeout } : {};
  if (settings.tempo !== undefined) {
    const url = tracesUrl(settings.tempo);
    if (isItself(url, settings)) {
      throw new SettingsError(
        'conflicting_settings',
        `${settings.places.get('tempo')}: the collector would forward to itself; name Tempo's own OTLP address, or listen elsewhere (--listen)`,
      );
    }
    // The headers of OTEL_EXPORTER_OTLP_HEADERS belong to the endpoint beside them: they may be credentials of another service.
    return { forwarding: { url, headers: settings.tempoHeader, ...timing }, warnings };
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
  return { forwarding: { url, headers, ...timing }, warnings };
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

function unread(env: NodeJS.ProcessEnv): string[] {
  const certificate = ['OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE', 'OTEL_EXPORTER_OTLP_CERTIFICATE'].find((name) => env[name]);
  return certificate === undefined
    ? []
    : [`${certificate} is not read by the forwarder: name further authorities with NODE_EXTRA_CA_CERTS`];
}
