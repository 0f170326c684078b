import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ATTR, FINDING_CODES, FINDING_RULES, type FindingCode } from '../src/index.js';
import { authorityClaims } from './claims/authority.js';
import { at, type Claim, type Claims, plain, replace, spanWithout } from './claims/claim.js';
import { completenessClaims } from './claims/completeness.js';
import { consistencyClaims } from './claims/consistency.js';
import { excused } from './claims/excused.js';
import { integrityClaims } from './claims/integrity.js';
import { viewOf } from './honest.js';
import { edit } from './script.js';
import { Watch } from './watch.js';

// Every code of the findings table, claimed by sessions that must have it, and it alone unless the claim says otherwise.

const claims: Claims = { ...integrityClaims, ...consistencyClaims, ...completenessClaims, ...authorityClaims };
const claimsOf = (code: FindingCode): readonly Claim[] => claims[code] ?? [];

function observe(claim: Claim): Watch {
  const watch = new Watch(claim.limits, claim.register);
  let now = 0;
  for (const arrival of claim.arrives()) {
    if (typeof arrival === 'number') watch.tick((now += arrival));
    else if ('diverges' in arrival) watch.diverge(arrival.diverges, arrival.healed, now);
    else if ('kind' in arrival) watch.arrive(viewOf(arrival), now);
    else watch.arrive(arrival, now);
  }
  watch.tick(Number.POSITIVE_INFINITY);
  return watch;
}

function found(watch: Watch): string[] {
  const atLarge = watch.log.filter((finding) => finding.session === '').map((finding) => `${finding.code}@0`);
  return [...atLarge, ...watch.allActive().map((finding) => finding.slice(33))].sort();
}

describe.each(FINDING_CODES)('%s', (code) => {
  test.each(claimsOf(code).map((claim) => [claim.that, claim] as const))('%s', (_that, claim) => {
    const watch = observe(claim);
    expect(found(watch)).toEqual([...claim.finds].sort());
    const told = watch.log.filter((finding) => finding.code === code);
    expect(told.length).toBeGreaterThan(0);
    for (const finding of told) expect(finding.severity).toBe(FINDING_RULES[code].severity);
  });
});

describe('the table of findings', () => {
  test('is claimed, code by code', () => {
    for (const code of FINDING_CODES) {
      const told = claimsOf(code).flatMap((claim) => (code === 'late' ? ['late@'] : claim.finds));
      expect(
        told.some((finding) => finding.startsWith(`${code}@`)),
        code,
      ).toBe(true);
    }
  });

  const specification = new URL('../SPEC.md', import.meta.url);
  test.runIf(existsSync(specification))('is that of SPEC.md: code, severity, and what it counts against', () => {
    const rows = readFileSync(specification, 'utf8').matchAll(/^\| (`[a-z_`, ]+`) \| ([a-z, ]+) \| ([a-z]+|–) \|/gm);
    const written = new Map<string, string>();
    for (const [, codes, severities, against] of rows) {
      const each = (severities as string).split(', ');
      for (const [i, code] of [...(codes as string).matchAll(/`([a-z_]+)`/g)].entries())
        written.set(code[1] as string, `${each[i] ?? each[0]} ${against === '–' ? 'nothing' : against}`);
    }
    for (const code of FINDING_CODES)
      expect(`${code} ${written.get(code)}`).toBe(`${code} ${FINDING_RULES[code].severity} ${FINDING_RULES[code].against}`);
    const known: readonly string[] = [...FINDING_CODES, 'bad_signature', 'unsigned']; // the two of signatures come with them
    expect([...written.keys()].filter((code) => !known.includes(code))).toEqual([]);
  });
});

test.each(excused)('excused: %s', (_that, arrives, finds) => {
  expect(found(observe({ that: '', arrives, finds }))).toEqual([...finds].sort());
});

test('nothing received is never intact: of an unknown session there is no report', () => {
  const watch = new Watch();
  watch.tick(Number.POSITIVE_INFINITY);
  expect(() => watch.report('ab'.repeat(16))).toThrow(/nothing/);
});

test('a finding names the span that it is about, when there is one', () => {
  const links = plain();
  const edited = edit(at(links, 3), { 'custody.note': 'x' });
  const watch = observe({ that: '', arrives: () => replace(links, edited), finds: [] });
  expect(watch.log).toMatchObject([{ code: 'content_mismatch', traceId: edited.traceId, spanId: edited.spanId }]);
  const malformed = observe({ that: '', arrives: () => [...links, spanWithout(at(links, 4), ATTR.time)], finds: [] });
  expect(malformed.log).toMatchObject([{ code: 'malformed', traceId: at(links, 4).traceId, spanId: at(links, 4).spanId }]);
});
