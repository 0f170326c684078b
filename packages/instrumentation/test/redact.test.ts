import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultRedact, holdsCredential } from '../src/redact.js';

const redact = (value: unknown) => defaultRedact(value, { tool: 'any', field: 'arguments' });
// In parts, so that scanners of this repository do not take them for real ones.
const fake = (...parts: string[]) => parts.join('');

describe('the default redaction withholds a value that holds', () => {
  test.each([
    { password: 'x' },
    { dbPassword: 'hunter2' },
    { DB_PASSWORD: 'x' },
    { 'x-api-key': 'k' },
    { apiKey: 'x' },
    { clientSecret: 'abc' },
    { client_secret: 'abc' },
    { accessToken: 'a' },
    { headers: { Authorization: 'Basic Zm9vOmJhcg==' } },
    { cookie: 'a=b' },
    { 'set-cookie': ['a'] },
    { pin: 1234 },
    { credentials: { user: 'a' } },
    { private_key: 'x' },
    { env: [{ name: 'API_KEY', value: 'abc' }] },
    { headers: [{ key: 'X-Auth-Token', value: 'abc' }] },
    { body: '{"token":"abc"}' },
    '{"password":"x"}',
    [{ list: [{ passwd: 'deep' }] }],
  ])('a key that names a credential: %j', (value) => {
    expect(redact(value)).toBeUndefined();
  });

  test.each([
    ['an AWS access key', fake('AKIA', 'IOSFODNN7EXAMPLE')],
    ['a GitHub token', fake('ghp_', 'a'.repeat(36))],
    ['a GitHub fine-grained token', fake('github_pat_', 'a1'.repeat(20))],
    ['a GitLab token', fake('glpat-', 'a1B2'.repeat(5))],
    ['an OpenAI key', fake('sk-proj-', 'a1B2'.repeat(10))],
    ['an Anthropic key', fake('sk-ant-api03-', 'b'.repeat(30))],
    ['a Slack token', fake('xoxb-', '123456789012-abcdef')],
    ['a Google API key', fake('AIza', 'x'.repeat(35))],
    ['a Stripe key', fake('rk_live_', 'a'.repeat(24))],
    ['an npm token', fake('npm_', 'a'.repeat(36))],
    ['a Hugging Face token', fake('hf_', 'a'.repeat(34))],
    ['a Vault token', fake('hvs.', 'a'.repeat(24))],
    ['a SendGrid key', fake('SG.', 'a'.repeat(22), '.', 'b'.repeat(43))],
    ['a private key', fake('-----BEGIN RSA ', 'PRIVATE KEY-----\nMIIE')],
    ['a JSON Web Token', fake('eyJhbGciOiJIUzI1NiJ9.', 'eyJzdWIiOiIxMjM0In0.', 'dozjgNryP4J3jVmNHl0w')],
    ['a password in a URL', fake('postgres://billing:', 'hunter2@db:5432/x')],
    ['a bearer header', fake('curl -H "Authorization: Bearer ', 'abcdefghijklm0pqrst"')],
    ['a basic header', fake('Basic ', 'Zm9vOmJhcg==')],
    ['a pre-signed URL', fake('https://bucket.example/x?X-Amz-Signature=', 'deadbeefdeadbeef')],
    ['a written password', fake('log in with password: ', 'hunter2')],
    ['a shell variable', fake('export API_KEY=', 'abcd1234')],
  ])('the shape of %s', (_what, text) => {
    expect(redact(text)).toBeUndefined();
    expect(redact({ note: `see ${text} there` })).toBeUndefined();
  });
});

test.each([
  {},
  { password: null },
  { password: '' },
  { max_tokens: 100 },
  { maxTokens: 100, tokenCount: 4 },
  { nextToken: 'abc' },
  { name: 'token bucket', value: 'abc' },
  { next_page_token: 'abc' },
  { nextPageToken: 'abc' },
  { compass: 'north', author: 'Ann', keyboard: 'x', passed: true, spin: 1, secretary: 'Ann', authorized: true, bypass: 'x' },
  { to: 'bob@example.com', subject: 'Your token of appreciation' },
  'the secret to good pasta',
  'see https://example.com:8080/a@b',
  'basic information about customers',
  'task-force, sk-learn',
])('the default redaction discloses what only looks a little like one: %j', (value) => {
  expect(redact(value)).toBe(value);
});

test('a credential is found wherever it stands in a value', () => {
  const key = fake('AKIA', 'IOSFODNN7EXAMPLE');
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), fc.string(), (value, name) => {
      expect(redact({ [`z${name}`]: [value, key], other: value })).toBeUndefined();
    }),
  );
});

test('hostile text is looked through without backtracking', () => {
  // A pattern that backtracks would take minutes over a quarter of a megabyte of any of these.
  const pieces = ['a', '-', 'a:', 'next_', 'a.', 'eyJ', '"', '\\', '://', 'A', 'basic ', 'hxxp://', ' ', 'passwords ', 'abc~', 'token="'];
  for (const piece of pieces) expect(holdsCredential(piece.repeat(262_144 / piece.length))).toBe(false);
});
