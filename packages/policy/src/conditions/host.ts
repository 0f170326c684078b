import { NO, type Truth, UNKNOWN, YES } from '../truth.js';

// Hosts of URLs. The danger is a URL that this reads one way and the tool's own client another (userinfo, backslashes, encoded
// hosts, `#@`): whatever parsers are known to disagree on is not read at all. Redirects and what a name resolves to cannot be seen.

/** Browsers and Node have it; no ECMAScript library does. */
declare const URL: new (text: string) => { readonly protocol: string; readonly hostname: string; readonly port: string };

interface HostEntry {
  readonly host: string;
  readonly subdomains: boolean;
  /** undefined: the scheme's own. */
  readonly port: string | undefined;
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443' };

/** An entry of a host list: `api.example.com`, `*.example.com`, `[::1]`, each with `:PORT` or `:*` if need be; else undefined. */
export function hostEntry(text: string): HostEntry | undefined {
  const match = /^(\*\.)?([^\s*:/?#@\\%[\]]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}|\*))?$/.exec(text);
  if (match === null) return undefined;
  const host = hostname(`http://${match[2]}`);
  return host === undefined ? undefined : { host, subdomains: match[1] !== undefined, port: match[3] };
}

function hostname(url: string): string | undefined {
  try {
    return oneForm(new URL(url).hostname);
  } catch {
    return undefined;
  }
}

/** `example.com.` is `example.com`, and `[::ffff:127.0.0.1]` reaches 127.0.0.1: a list must name neither twice. */
function oneForm(host: string): string {
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(host) ?? [];
  if (high === undefined || low === undefined) return host.endsWith('.') ? host.slice(0, -1) : host;
  return [high, low].flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255]).join('.');
}

/** Space, control characters, backslash: stripped or turned into slashes by some parsers. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const PARSED_DIFFERENTLY = /[\u0000-\u0020\u007f\\]/;
/** Letters that IDNA 2003 and 2008 map to different hosts. */
const IDNA_DEVIATIONS = /[\u00df\u1e9e\u03c2\u200c\u200d]/;

/** 0177.0.0.1: octal to some, and so this machine, decimal to others, and so a host of anybody's. */
const OCTAL_OR_DECIMAL = /(?:^|\.)0[0-9]/;
const IPV4 = /^\d+(?:\.\d+){3}$/;

interface Address {
  readonly host: string;
  readonly port: string;
  readonly usual: boolean;
}

function readAddress(text: string): Address | undefined {
  const start = /^(?:https?|wss?):\/\/([^/?#]+)/i.exec(text);
  if (start === null || PARSED_DIFFERENTLY.test(text)) return undefined;
  const authority = start[1] as string;
  // An `@` before the first slash is userinfo to some, whatever stands before it: http://good.example#@evil.example/
  if (
    text
      .slice(start[0].length - authority.length)
      .split('/', 1)[0]
      ?.includes('@')
  )
    return undefined;
  if (authority.includes('%') || IDNA_DEVIATIONS.test(authority)) return undefined;
  try {
    const { protocol, hostname: host, port } = new URL(text);
    if (host === '' || (IPV4.test(host) && OCTAL_OR_DECIMAL.test(authority))) return undefined;
    return { host: oneForm(host), port: port === '' ? (DEFAULT_PORTS[protocol] as string) : port, usual: port === '' };
  } catch {
    return undefined;
  }
}

/**
 * Whether the host of a URL is in a list. A host that is listed without a port, at a port other than its scheme's own, is neither
 * in nor out: an allow list does not let it through, and a block list does not either.
 */
export function compileHosts(entries: readonly string[]): (text: string) => Truth {
  const list = entries.flatMap((entry) => hostEntry(entry) ?? []);
  return (text) => {
    const address = readAddress(text);
    if (address === undefined) return UNKNOWN;
    let found: Truth = NO;
    for (const entry of list) {
      const named = entry.subdomains ? address.host.endsWith(`.${entry.host}`) : address.host === entry.host;
      if (!named) continue;
      if (entry.port === '*' || (entry.port === undefined ? address.usual : entry.port === address.port)) return YES;
      if (entry.port === undefined) found = UNKNOWN;
    }
    return found;
  };
}
