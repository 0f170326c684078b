import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ATTR, ChainWriter, FINDING_RULES, fingerprintDigest, LINK_KINDS, portableHashing } from '../src/index.js';

const spec = readFileSync(new URL('../SPEC.md', import.meta.url), 'utf8');

test('the worked example of SPEC.md is what the writer writes', () => {
  const writer = new ChainWriter({
    session: '0123456789abcdef0123456789abcdef',
    agent: { id: 'billing-bot', name: 'Billing bot' },
    hashing: portableHashing,
  });
  const digest = (name: string, value: unknown): string => fingerprintDigest(name, value, portableHashing);
  const components = {
    system_prompt: digest('system_prompt', 'You reconcile invoices.\nNever pay.'),
    tools: digest('tools', []),
    memory: digest('memory', []),
  };
  const place = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), now: 1_790_000_000_000_000_000n };
  const { attributes, hash } = writer.start({ components, principal: 'alice@example.com' }, place);
  const example = spec.slice(spec.indexOf('### Worked example'), spec.indexOf('## 6.'));
  for (const [key, value] of Object.entries(attributes)) {
    if (key !== ATTR.hash) expect(example).toMatch(new RegExp(`^    ${key.replaceAll('.', '\\.')} +${value}( |$)`, 'm'));
  }
  expect(example).toContain(`\`${hash}\``);
});

test('SPEC.md lists every finding with its severity and what it counts against', () => {
  for (const [code, { severity, against }] of Object.entries(FINDING_RULES)) {
    expect(spec).toContain(`| \`${code}\` | ${severity} | ${against} |`);
  }
  const listed = [...spec.matchAll(/^\| `([a-z_]+)` \| (?:info|medium|high|critical) \|/gm)].map((match) => match[1]);
  expect(listed.sort()).toEqual(Object.keys(FINDING_RULES).sort());
});

test('SPEC.md names every link kind and every attribute that the code knows', () => {
  for (const kind of LINK_KINDS) expect(spec).toContain(`\`${kind}\``);
  const grouped = (key: string): boolean => /^custody\.(finding|verdict|fingerprint)\./.test(key) || key === ATTR.signature;
  for (const key of Object.values(ATTR)) if (!grouped(key)) expect(spec, key).toContain(key);
});
