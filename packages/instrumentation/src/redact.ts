import { toCanonical } from '@agent-custody/chain';
import type { Redact } from './types.js';

// Shapes of credentials. The prefixes are those that issuers publish for secret scanners; gitleaks (MIT, config/gitleaks.toml) and
// GitHub's list of secret scanning patterns keep them current. Where an issuer gives a length, it is a lower bound here: a
// credential missed is worse than a text withheld, since what is withheld keeps its digest.
const SHAPES: readonly RegExp[] = [
  /\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b/, // AWS access key id
  /\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_\w{22,}/, // GitHub
  /\bgl(?:pat|ptt|rt|dt|cbt|soat|ft|oas)-[\w-]{20,}/, // GitLab
  /\bsk-(?:ant-|proj-|svcacct-|admin-|or-v1-|lf-)?[A-Za-z0-9_-]{20,}/, // OpenAI, Anthropic, OpenRouter, Langfuse
  /\bxox[abeoprs]-[\w-]{10,}|\bxapp-\d-[\w-]{10,}|hooks\.slack\.com\/(?:services|workflows|triggers)\/\w+/, // Slack
  /\bAIza[\w-]{35}|\bya29\.[\w-]{20,}|\bGOCSPX-[\w-]{28}/, // Google
  /\b[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9+/]{20,}/, // Stripe
  /\bnpm_[A-Za-z0-9]{36}|\bpypi-AgEIcHlwaS5vcmc[\w-]{50,}/, // npm, PyPI
  /\bhf_[A-Za-z0-9]{30,}|\bgsk_[A-Za-z0-9]{40,}|\br8_[A-Za-z0-9]{30,}|\bpplx-[A-Za-z0-9]{40,}|\bxai-[A-Za-z0-9]{40,}/, // model hosts
  /\bhv[sbr]\.[\w-]{20,}/, // HashiCorp Vault
  /\bSG\.[\w-]{16,}\.[\w-]{16,}|\bkey-[0-9a-f]{32}\b|\bSK[0-9a-f]{32}\b/, // SendGrid, Mailgun, Twilio
  /\bdo[opr]_v1_[0-9a-f]{64}|\bdapi[0-9a-f]{32}|\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}/, // DigitalOcean, Databricks, Shopify
  /\bglsa_[A-Za-z0-9]{32}_|\bglc_[A-Za-z0-9+/]{32,}|\bNRAK-[A-Z0-9]{27}|\blin_api_[A-Za-z0-9]{40}|\bntn_\w{40,}|\bsecret_[A-Za-z0-9]{43}/, // Grafana, New Relic, Linear, Notion
  /\bA3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-|\bops_eyJ[\w+/]{40,}|\bAGE-SECRET-KEY-1[A-Z0-9]{58}/, // 1Password, age
  /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/, // JSON Web Token (RFC 7519)
  /-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----/, // PEM (RFC 7468)
  /:\/\/[^\s:/?#@"\\]{0,256}:[^\s:/?#@"\\]{1,256}@/, // a password in a URL (RFC 3986, 3.2.1)
  /\b(?:[Bb]asic|BASIC)\s+(?=[A-Za-z+/]*(?:[0-9=]|[a-z][A-Z]))[A-Za-z0-9+/]{8,}={0,2}(?![\w-])/, // an Authorization header (RFC 7617)
  /\bbearer\s+(?=[A-Za-z._~+/-]*\d)[\w.~+/-]{16,}/i, // an Authorization header (RFC 6750)
  /[?&](?:sig|signature|x-amz-signature|x-goog-signature|access_token|api_?key)=[^\s&"\\]{8,}/i, // pre-signed URLs
  /\b[A-Za-z0-9_~.]{3}\dQ~[\w~.-]{31,34}|\bAccountKey=[A-Za-z0-9+/]{40,}/, // Azure
];

/** All of them as one expression for each set of flags: one pass over a text costs a third of one for each. */
const ANY_SHAPE: readonly RegExp[] = ['', 'i'].map((flags) => {
  const shapes = SHAPES.filter((shape) => shape.flags === flags);
  return new RegExp(shapes.map(({ source }) => `(?:${source})`).join('|'), flags);
});

/** The last words of a key that names a credential, in snake, kebab, camel or no case at all. */
const NAME =
  'pass(?:word|wd|phrase|code)?|pwd|secret|token|api[_-]?key|apikey|access[_-]?key(?:[_-]?id)?|secret[_-]?(?:access[_-]?)?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|credentials?|authorization|auth|cookies?|set-cookie|session[_-]?key|client[_-]?secret|bearer|jwt|otp|totp|mfa[_-]?code|pin|cvv|cvc';
/** Positions in a list, not secrets. */
const HARMLESS =
  '(?<!(?:next|prev(?:ious)?|page|paging|pagination|continuation|continue|sync|cursor|cancellation|cancel|stop|end|start|progress)[_-]?)';

/**
 * `"…password": "x"` in JSON text, and in JSON inside a JSON string (quotes escaped). The key ends with one of the names as a word
 * of its own (`dbPassword`, `x-api-key`, but not `compass` or `tokens`), and its value is neither empty, null, nor a boolean.
 */
const NAMED = new RegExp(
  `(?:"|[^A-Za-z"]|[a-z0-9](?=[A-Z]))${capitalised(HARMLESS)}(?:${capitalised(NAME)})\\\\*"\\s*:\\s*(?:\\\\*"(?![\\\\"])|\\d|\\[(?!\\])|\\{(?!\\}))`,
);

/** `{"name": "API_KEY", "value": "x"}`, as lists of headers and of environment variables have it (keys are sorted). */
const PAIRED = new RegExp(
  `"(?:header|id|key|name)\\\\*"\\s*:\\s*\\\\*"(?:[^"\\\\]*[^A-Za-z])?(?:${NAME})\\\\*"\\s*,\\s*\\\\*"(?:val|value)\\\\*"\\s*:\\s*\\\\*"[^"\\\\]`,
  'i',
);

/** A cheap look that most texts fail: looking for names takes five times as long. */
const NAME_HINT = /pass|pwd|secret|token|key|cred|auth|cookie|bearer|jwt|otp|mfa|pin|cv[vc]/i;

/** `password=x`, `token: x` in running text, as reasons and shell commands have it. */
const WRITTEN =
  /(?:^|[^A-Za-z0-9])(?:pass(?:word|wd|phrase)|pwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token|client[_-]?secret)\s*[=:]\s*[^\s"',;\\]{4,}/i;

/** Matches a name in lower case, capitalised, or in capitals: the flag `i` would blur where a camel-case word begins. */
function capitalised(names: string): string {
  return names.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}

/** Whether JSON text holds what looks like a credential, by the name of a key or by its shape. */
export function holdsCredential(text: string): boolean {
  return (
    (NAME_HINT.test(text) && (NAMED.test(text) || PAIRED.test(text) || WRITTEN.test(text))) || ANY_SHAPE.some((shapes) => shapes.test(text))
  );
}

/**
 * The default redaction: withholds a value as a whole when anything in it looks like a credential, by the name of a key
 * (`password`, `x-api-key`, `clientSecret`, …) or by its shape (keys of well-known issuers, tokens, private keys, passwords in URLs).
 * The digest stays; content and salt go, and without its salt nobody can confirm a guess.
 *
 * @example new CustodyInstrumentation({ redact: (value, context) => (context.tool === 'pay' ? undefined : defaultRedact(value, context)) })
 */
export const defaultRedact: Redact = (value) => (holdsCredential(toCanonical(value).text) ? undefined : value);
