import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Who looks at the console. */
export interface Viewer {
  /** As it stands in decisions. */
  readonly name: string;
  readonly may: 'read' | 'decide';
  /** Sent back with every form: a page of another site cannot know it. */
  readonly csrf: string;
  /** Nobody signed in: only this machine reaches the collector. */
  readonly local: boolean;
}

interface Session extends Viewer {
  readonly expiresAtMs: number;
}

/** A working day: whoever decides signs in again tomorrow. */
const LASTS_MS = 12 * 3_600_000;
/** Signed-in browsers at one time; beyond it the oldest is signed out. */
const MOST_SESSIONS = 10_000;

/**
 * Signed-in browsers. Kept in memory: a restart signs everyone out, and nothing that opens a door is ever on disk.
 *
 * @param options.secure the collector is reached by https: the cookie then travels by nothing else, and no other host can set it
 */
export class SignIns {
  private readonly sessions = new Map<string, Session>();
  private readonly cookie: string;

  constructor(private readonly options: { readonly secure: boolean; readonly now: () => number }) {
    this.cookie = this.cookieName('custody');
  }

  get secure(): boolean {
    return this.options.secure;
  }

  /** With https no other host, and no page without https, can set a cookie of this name (RFC 6265bis, 4.1.3.2). */
  cookieName(name: string): string {
    return this.options.secure ? `__Host-${name}` : name;
  }

  /** @returns the Set-Cookie header */
  open(name: string, may: Viewer['may'], local = false): string {
    const id = randomBytes(32).toString('base64url');
    const csrf = randomBytes(32).toString('base64url');
    for (const oldest of this.sessions.keys()) {
      if (this.sessions.size < MOST_SESSIONS) break;
      this.sessions.delete(oldest);
    }
    this.sessions.set(id, { name, may, csrf, local, expiresAtMs: this.options.now() + LASTS_MS });
    return this.setCookie(id, LASTS_MS / 1000);
  }

  viewer(request: IncomingMessage): Viewer | undefined {
    const id = cookieOf(request, this.cookie);
    const session = id === undefined ? undefined : this.sessions.get(id);
    if (id === undefined || session === undefined) return undefined;
    if (session.expiresAtMs > this.options.now()) return session;
    this.sessions.delete(id);
    return undefined;
  }

  /** @returns the Set-Cookie header */
  close(request: IncomingMessage): string {
    const id = cookieOf(request, this.cookie);
    if (id !== undefined) this.sessions.delete(id);
    return this.setCookie('', 0);
  }

  /** Lax: a sign-in by OpenID Connect comes back from another site. Forms are protected by their own token. */
  private setCookie(value: string, seconds: number): string {
    return setCookie(this.cookie, value, { seconds, secure: this.options.secure, site: 'Lax' });
  }
}

/** The value of a cookie that was sent. */
export function cookieOf(request: IncomingMessage, wanted: string): string | undefined {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2);
    if (name === wanted) return value;
  }
  return undefined;
}

/** A Set-Cookie header; the value must need no escaping. */
export function setCookie(
  name: string,
  value: string,
  { seconds, secure, site }: { readonly seconds: number; readonly secure: boolean; readonly site: 'Lax' | 'Strict' },
): string {
  return `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=${site}${secure ? '; Secure' : ''}`;
}

/**
 * Whether a form came from our own page: it holds what we gave to that page, and no browser says that it came from elsewhere.
 *
 * @param given as the form has it
 * @param wanted '' where nothing was given: then no form is ours
 */
export function isOwnForm(request: IncomingMessage, given: string, wanted: string): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return b.length > 0 && a.length === b.length && timingSafeEqual(a, b);
}
