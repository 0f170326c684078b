// A real OpenID provider on this machine: whoever signs in as `name` is `name`@example.com.
import { once } from 'node:events';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

/** Names that a form cannot be trusted to carry. */
const NAMES = { hidden: 'bob\u202E', Kelvin: '\u212Aelvin' };

/** @param {string} redirectUri */
export async function startIssuer(redirectUri) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'custody', client_secret: 'custody-secret', redirect_uris: [redirectUri], application_type: 'web' }],
    pkce: { required: () => true },
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['not a secret: for a test'] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${NAMES[id] ?? id}@example.com`, ...(id !== 'unsaid' && { email_verified: id !== 'unverified' }) }),
    }),
  });
  // A provider tells that it is for development only; this one is.
  server.on('request', provider.callback());
  return {
    issuer,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
