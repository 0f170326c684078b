import { randomBytes } from 'node:crypto';
import * as client from 'openid-client';
import { ApiError } from '../api/answer.js';
import { isCovered } from '../approvals/rules.js';
import { printable } from '../printable.js';
import type { OidcWay } from './entrance.js';
import { cookieOf, type SignIns, setCookie } from './sign-in.js';

/** A sign-in at an OpenID provider, as an operator sets it. */
export interface OidcSettings {
  /** As in its discovery document. */
  readonly issuer: string;
  readonly clientId: string;
  /** Absent: a public client, with PKCE alone. */
  readonly clientSecret?: string | undefined;
  /** The claim of the ID token that names a person in decisions (default `email`). */
  readonly nameClaim: string;
  /** Who may sign in, by that name; `*@example.com` stands for all that end so. Empty: whoever the issuer lets in. */
  readonly allow: readonly string[];
}

/** What a browser was sent away with; kept here, so that a callback that nobody began opens nothing. */
interface Begun {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly to: string;
  readonly expiresAtMs: number;
}

const LASTS_MS = 10 * 60_000;
const MOST_BEGUN = 10_000;
/** UTF-16 code units: of an e-mail address at most 320. */
const LONGEST_NAME = 320;

/**
 * Authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636), by `openid-client`. The issuer is asked
 * for its endpoints and keys at the first sign-in, so that a collector starts while it is away.
 *
 * @param publicUrl where people reach the collector: the redirect URI to register is `{publicUrl}/console/callback`
 */
export function createOidcWay(
  settings: OidcSettings,
  publicUrl: () => string,
  signIns: Pick<SignIns, 'cookieName' | 'secure'>,
  now: () => number,
): OidcWay {
  const begun = new Map<string, Begun>();
  const redirectUri = (): string => `${publicUrl()}/console/callback`;
  // No other host may set it: its own sign-in, begun elsewhere, would then be finished here.
  const cookieName = signIns.cookieName('custody-sign-in');
  const ticket = (value: string, seconds: number): string => setCookie(cookieName, value, { seconds, secure: signIns.secure, site: 'Lax' });
  let discovered: Promise<client.Configuration> | undefined;

  function configuration(): Promise<client.Configuration> {
    discovered ??= discover(settings).catch((error: unknown) => {
      discovered = undefined;
      throw new ApiError('unavailable', `the sign-in service ${settings.issuer} cannot be reached: try again later`, { cause: error });
    });
    return discovered;
  }

  return {
    label: new URL(settings.issuer).host,

    async begin(to) {
      const config = await configuration();
      const verifier = client.randomPKCECodeVerifier();
      const one: Begun = { state: client.randomState(), nonce: client.randomNonce(), verifier, to, expiresAtMs: now() + LASTS_MS };
      const location = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri(),
        scope: 'openid email profile',
        state: one.state,
        nonce: one.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      const id = randomBytes(32).toString('base64url');
      for (const [oldest, { expiresAtMs }] of begun) {
        if (begun.size < MOST_BEGUN && expiresAtMs > now()) break;
        begun.delete(oldest);
      }
      begun.set(id, one);
      return { location: location.href, cookie: ticket(id, LASTS_MS / 1000) };
    },

    async finish(request, url) {
      const id = cookieOf(request, cookieName);
      const one = id === undefined ? undefined : begun.get(id);
      if (id !== undefined) begun.delete(id);
      if (one === undefined || one.expiresAtMs <= now())
        throw new ApiError('forbidden', 'this sign-in was not begun here, or took too long: sign in again');
      const claims = await exchange(await configuration(), new URL(`${redirectUri()}${url.search}`), one);
      return { name: nameOf(claims, settings), to: one.to, cookie: ticket('', 0) };
    },
  };
}

function discover({ issuer, clientId, clientSecret }: OidcSettings): Promise<client.Configuration> {
  const url = new URL(issuer);
  // Plain http is for an issuer on this machine, as in a trial; what comes from elsewhere could be anyone's.
  const local = url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  const authentication = clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret);
  return client.discovery(url, clientId, undefined, authentication, {
    timeout: 10,
    ...(local && { execute: [client.allowInsecureRequests] }),
  });
}

async function exchange(config: client.Configuration, callback: URL, one: Begun): Promise<Record<string, unknown>> {
  try {
    const tokens = await client.authorizationCodeGrant(config, callback, {
      pkceCodeVerifier: one.verifier,
      expectedState: one.state,
      expectedNonce: one.nonce,
      idTokenExpected: true,
    });
    return { ...tokens.claims() };
  } catch (error) {
    // Not the library's words: they may hold what the issuer sent.
    throw new ApiError('forbidden', 'the sign-in service did not confirm the sign-in: try again', { cause: error });
  }
}

/** @throws ApiError `forbidden` */
function nameOf(claims: Record<string, unknown>, { nameClaim, allow }: OidcSettings): string {
  const name = claims[nameClaim];
  if (typeof name !== 'string' || name === '')
    throw new ApiError('forbidden', `the sign-in service does not say who you are: its ID token has no '${nameClaim}'`);
  if (name.length > LONGEST_NAME || name !== printable(name))
    throw new ApiError('forbidden', `the sign-in service gives you a name that is none: '${nameClaim}' is too long, or cannot be shown`);
  // Some services let people choose their address; only one that was verified says who they are.
  if (nameClaim === 'email' && claims['email_verified'] !== true && claims['email_verified'] !== 'true')
    throw new ApiError(
      'forbidden',
      'the sign-in service has not verified your e-mail address (or does not say so: then another claim has to name people, --oidc-name)',
    );
  if (allow.length > 0 && !isCovered(name, allow))
    throw new ApiError('forbidden', 'you are known to the sign-in service, and may not use this console');
  return name;
}
