import type { Viewer } from '../sign-in.js';
import { renderPage } from './layout.js';

interface LoginPageProps {
  readonly token: boolean;
  readonly oidc: string | undefined;
  /** Sent back with the form, which must come from this page. */
  readonly form: string;
  /** The page that was asked for, where it is one to come back to. */
  readonly to: string | undefined;
  readonly problem: string | undefined;
}

/** Where to sign in, by what this collector was given. */
export function loginPage({ token, oidc, form, to, problem }: LoginPageProps): string {
  return renderPage({
    title: 'Sign in',
    viewer: undefined,
    section: 'none',
    children: (
      <>
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        {oidc !== undefined && (
          <p>
            <a class="button" href={`/console/login/oidc${to === undefined ? '' : `?to=${encodeURIComponent(to)}`}`}>
              {`Sign in with ${oidc}`}
            </a>
          </p>
        )}
        {!token && oidc === undefined && (
          <p class="problem">
            Nobody can sign in here yet: the collector needs the token of an approver (--approver-token) or an OpenID provider
            (--oidc-issuer).
          </p>
        )}
        {token && (
          <form method="post" action="/console/login" class="decide">
            <input type="hidden" name="form" value={form} />
            {to !== undefined && <input type="hidden" name="to" value={to} />}
            <label for="token">Token of an approver or a reader</label>
            <input id="token" name="token" type="password" autocomplete="current-password" spellcheck={false} required />
            <p class="buttons">
              <button type="submit">Sign in</button>
            </p>
          </form>
        )}
      </>
    ),
  });
}

export function problemPage(viewer: Viewer | undefined, title: string, message: string): string {
  return renderPage({
    title,
    viewer,
    section: 'none',
    children: (
      <>
        <p class="problem">{message}</p>
        <p>
          <a href="/console/approvals">To the approvals</a>
        </p>
      </>
    ),
  });
}
