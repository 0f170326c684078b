import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from '../api/answer.js';
import { readText } from '../api/body.js';
import { loginPage } from './pages/simple.js';
import { page, redirect } from './respond.js';
import { cookieOf, type SignIns, setCookie, type Viewer } from './sign-in.js';

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
const FORM_LASTS_S = 3_600;

/** Where to send whoever has to sign in first. */
export function entranceTo(path: string): string {
  return WORTH_COMING_BACK_TO.test(path) ? `/console/login?to=${encodeURIComponent(path)}` : '/console/login';
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
  ) {
    this.formCookie = signIns.cookieName('custody-form');
  }

  async handle(request: IncomingMessage, response: ServerResponse, url: URL, route: string): Promise<void> {
    const { token, oidc } = this.ways;
    const wanted = url.searchParams.get('to');
    if (route === 'GET login') return this.show(response, 200, wantedOf(wanted));
    if (route === 'POST login' && token !== undefined) return this.byToken(request, response, token);
    if (route === 'GET login/oidc' && oidc !== undefined) {
      const { location, cookie } = await oidc.begin(wantedOf(wanted));
      return redirect(response, location, cookie);
    }
    if (route === 'GET callback' && oidc !== undefined) {
      const { name, to, cookie } = await oidc.finish(request, url);
      return redirect(response, wantedOf(to), this.enter(request, name, 'decide'), cookie);
    }
    throw new ApiError('not_found', 'there is no such way to sign in here');
  }

  private async byToken(request: IncomingMessage, response: ServerResponse, named: NonNullable<Ways['token']>): Promise<void> {
    const form = new URLSearchParams(await readText(request));
    const to = wantedOf(form.get('to'));
    // Another site must not sign somebody in here as somebody else: their decisions would be in that name.
    if (!this.isOwn(request, form.get('form') ?? ''))
      return this.show(response, 403, to, 'This form is too old, or from elsewhere: try again.');
    const who = named(form.get('token') ?? '');
    if (who === undefined) return this.show(response, 401, to, 'This token is not known here.');
    redirect(response, to, this.enter(request, who.name, who.may));
  }

  /** A new sign-in has a new id, and the one before it is over. */
  private enter(request: IncomingMessage, name: string, may: Viewer['may']): string {
    this.signIns.close(request);
    return this.signIns.open(name, may);
  }

  private show(response: ServerResponse, status: number, to: string, problem?: string): void {
    const form = randomBytes(32).toString('base64url');
    const { secure } = this.signIns;
    response.setHeader('set-cookie', setCookie(this.formCookie, form, { seconds: FORM_LASTS_S, secure, site: 'Strict' }));
    const ways = { token: this.ways.token !== undefined, oidc: this.ways.oidc?.label };
    page(response, status, loginPage({ ...ways, form, to: to === HOME ? undefined : to, problem }));
  }

  /** What the form says is what our cookie says, which no other site can read or, with its prefix, set. */
  private isOwn(request: IncomingMessage, form: string): boolean {
    const site = request.headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin') return false;
    const [given, wanted] = [Buffer.from(form), Buffer.from(cookieOf(request, this.formCookie) ?? '')];
    return wanted.length > 0 && given.length === wanted.length && timingSafeEqual(given, wanted);
  }
}
