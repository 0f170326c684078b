import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from '../api/answer.js';
import { readText } from '../api/body.js';
import type { Log } from '../engine/types.js';
import { printable } from '../printable.js';
import { loginPage } from './pages/simple.js';
import { page, redirect } from './respond.js';
import { cookieOf, isOwnForm, type SignIns, setCookie, type Viewer } from './sign-in.js';

export interface Ways {
  /** Who has this token, and what they may. */
  token?: ((token: string) => Pick<Viewer, 'name' | 'may'> | undefined) | undefined;
  oidc?: OidcWay | undefined;
  /** The name of whoever is not asked to sign in. */
  readonly local: string | undefined;
}

/** A sign-in at an OpenID provider, as the console uses it. */
export interface OidcWay {
  /** For the button. */
  readonly label: string;
  /** Where to send the browser, with a cookie that ties the answer to it. `to`: the page that was asked for. */
  begin(to: string): Promise<{ readonly location: string; readonly cookie: string }>;
  /** Who came back, and where to. @throws ApiError `forbidden`, `unavailable` */
  finish(request: IncomingMessage, url: URL): Promise<{ readonly name: string; readonly to: string; readonly cookie: string }>;
}

const HOME = '/console/approvals';
/** Pages that a message may have led to: nothing else is gone to after a sign-in, or a link could lead anywhere by way of ours. */
const WORTH_COMING_BACK_TO = /^\/console\/(?:approvals|sessions)\/[0-9a-f]{32}$/;
/** What a page of these posts to: whoever signed in too long ago comes back to the page. */
const DECISION = /\/decision$/;
const FORM_LASTS_S = 3_600;

/** Where to send whoever has to sign in first. */
export function entranceTo(path: string): string {
  const page = path.replace(DECISION, '');
  return WORTH_COMING_BACK_TO.test(page) ? `/console/login?to=${encodeURIComponent(page)}` : '/console/login';
}

function wantedOf(to: string | null): string {
  return to !== null && WORTH_COMING_BACK_TO.test(to) ? to : HOME;
}

/** Signing in: by token, or at an OpenID provider. */
export class Entrance {
  private readonly formCookie: string;

  constructor(
    private readonly signIns: SignIns,
    private readonly ways: Ways,
    private readonly log: Pick<Log, 'info' | 'warn'>,
  ) {
    this.formCookie = signIns.cookieName('custody-form');
  }

  async handle(request: IncomingMessage, response: ServerResponse, url: URL, route: string): Promise<void> {
    const { token, oidc, local } = this.ways;
    const wanted = url.searchParams.get('to');
    if (local !== undefined) return redirect(response, wantedOf(wanted));
    if (route === 'GET login') return this.show(response, 200, wantedOf(wanted));
    if (route === 'POST login' && token !== undefined) return this.byToken(request, response, token);
    if (route === 'GET login/oidc' && oidc !== undefined) {
      const { location, cookie } = await this.noting(request, oidc.begin(wantedOf(wanted)));
      return redirect(response, location, cookie);
    }
    if (route === 'GET callback' && oidc !== undefined) {
      const { name, to, cookie } = await this.noting(request, oidc.finish(request, url));
      return redirect(response, wantedOf(to), this.enter(request, name, 'decide', 'oidc'), cookie);
    }
    throw new ApiError('not_found', 'there is no such way to sign in here');
  }

  private async byToken(request: IncomingMessage, response: ServerResponse, named: NonNullable<Ways['token']>): Promise<void> {
    const form = new URLSearchParams(await readText(request));
    const to = wantedOf(form.get('to'));
    // Another site must not sign somebody in here as somebody else: their decisions would be in that name.
    // What the form says is what our cookie says, which no other site can read or, with its prefix, set.
    if (!isOwnForm(request, form.get('form') ?? '', cookieOf(request, this.formCookie) ?? ''))
      return this.show(response, 403, to, 'This form is too old, or from elsewhere: try again.');
    const who = named(form.get('token') ?? '');
    if (who === undefined) {
      this.refused(request);
      return this.show(response, 401, to, 'This token is not known here.');
    }
    redirect(response, to, this.enter(request, who.name, who.may, 'token'));
  }

  /** A new sign-in has a new id, and the one before it is over. */
  private enter(request: IncomingMessage, name: string, may: Viewer['may'], way: 'token' | 'oidc'): string {
    this.log.info({ name, may, way, remote: request.socket.remoteAddress }, 'signed in');
    this.signIns.close(request);
    return this.signIns.open(name, may);
  }

  private async noting<T>(request: IncomingMessage, step: Promise<T>): Promise<T> {
    try {
      return await step;
    } catch (error) {
      this.refused(request, error);
      throw error;
    }
  }

  /** Whoever guesses tokens is to be seen; and what an issuer answers to a wrong client secret is for the operator alone. */
  private refused(request: IncomingMessage, error?: unknown): void {
    const reason = error instanceof Error ? error.message : 'the token is not known here';
    this.log.warn({ reason, remote: request.socket.remoteAddress, cause: causeOf(error) }, 'sign-in refused');
  }

  private show(response: ServerResponse, status: number, to: string, problem?: string): void {
    const form = randomBytes(32).toString('base64url');
    const { secure } = this.signIns;
    response.setHeader('set-cookie', setCookie(this.formCookie, form, { seconds: FORM_LASTS_S, secure, site: 'Strict' }));
    const ways = { token: this.ways.token !== undefined, oidc: this.ways.oidc?.label };
    page(response, status, loginPage({ ...ways, form, to: to === HOME ? undefined : to, problem }));
  }
}

/** What lies behind an error in a few words: the code of OAuth, of the library or of the network. */
function causeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return undefined;
  const { error: oauth, code } = cause as { readonly error?: unknown; readonly code?: unknown };
  return printable([oauth, code, cause.message].filter((part) => typeof part === 'string').join(': ')).slice(0, 300);
}
