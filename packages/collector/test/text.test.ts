import { FINDING_CODES, type Finding, type SessionReport } from '@agent-custody/chain';
import { describe, expect, it } from 'vitest';
import { MEANINGS } from '../src/cli/meanings.js';
import { judgementText } from '../src/cli/text.js';
import { printable } from '../src/printable.js';
import { EXIT, exitStatus } from '../src/verify/status.js';

const finding = (more: Partial<Finding> = {}): Finding => ({
  session: 's',
  code: 'gap',
  severity: 'high',
  seq: 3,
  detail: 'links 3 to 4 are missing',
  healed: false,
  traceId: '',
  spanId: '',
  ...more,
});
const report = (more: Partial<SessionReport> = {}): SessionReport => ({
  session: '0'.repeat(32),
  agent: 'billing-bot',
  agentName: '',
  principal: '',
  owner: '',
  fingerprint: '',
  traceId: '',
  integrity: 'intact',
  completeness: 'complete',
  authority: 'unknown',
  links: 9,
  findings: [],
  ...more,
});
const plain = { colour: false, width: 80 };
const text = (...sessions: SessionReport[]) => judgementText({ sessions, atLarge: [] }, plain);

describe('a judgement for people', () => {
  it('names each finding with its place, its meaning and its detail', () => {
    const shown = text(report({ completeness: 'incomplete', findings: [finding()] }));
    expect(shown).toMatch(/high +gap +seq 3\n +links are missing: links 3 to 4 are missing\n/);
    expect(shown).toMatch(/1 session: 1 incomplete\n$/);
  });

  it('says what each finding means', () => {
    expect(Object.keys(MEANINGS).sort()).toEqual([...FINDING_CODES].sort());
  });

  it('fits 80 columns, whatever names and details an agent makes up', () => {
    const long = 'x'.repeat(300);
    const shown = text(
      report({ agent: long, findings: FINDING_CODES.map((code) => finding({ code, detail: `${long} ${'word '.repeat(60)}` })) }),
    );
    expect(Math.max(...shown.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(shown.split('x').length - 1).toBeGreaterThanOrEqual(300);
  });

  it('shows control characters of an agent, and sends none to the terminal', () => {
    const shown = text(report({ agent: 'a\u001b[2Jb\u202ec\u009b', findings: [finding({ detail: 'd\r\u0007e' })] }));
    expect(shown).toContain('a\\x1b[2Jb\\u202ec\\x9b');
    expect(shown).toContain('d\\x0d\\x07e');
  });

  it('has colour where it is wanted, and says the same without', () => {
    const coloured = judgementText({ sessions: [report()], atLarge: [] }, { colour: true, width: 80 });
    const escapes = coloured.split('\u001b').length - 1;
    expect(escapes).toBeGreaterThan(0);
    expect(printable(text(report())).includes('\\x1b')).toBe(false);
  });

  it('says so when there is nothing, and shows spans that state no session', () => {
    expect(text()).toMatch(/Nothing to verify/);
    const shown = judgementText({ sessions: [], atLarge: [finding({ session: '', code: 'malformed', seq: 0 })] }, plain);
    expect(shown).toMatch(/spans that state no session\n.*malformed/);
  });

  it('says of a healed finding that it no longer counts', () => {
    expect(text(report({ findings: [finding({ healed: true })] }))).toMatch(/healed: no longer counted/);
  });
});

describe('the exit status', () => {
  const status = (reports: readonly SessionReport[], facts: { atRest?: boolean; whole?: boolean } = {}) =>
    exitStatus(reports, { atRest: false, whole: true, ...facts });

  it.each([
    ['all intact and complete', [report()], {}, EXIT.ok],
    ['one open', [report(), report({ completeness: 'open' })], {}, EXIT.ok],
    ['one open at rest', [report({ completeness: 'open' })], { atRest: true }, EXIT.incomplete],
    ['one broken', [report(), report({ integrity: 'broken' })], {}, EXIT.broken],
    ['one incomplete', [report({ completeness: 'incomplete' })], {}, EXIT.incomplete],
    ['one of an unknown version', [report({ integrity: 'unknown' })], {}, EXIT.incomplete],
    ['one deviated', [report({ authority: 'deviated' })], {}, EXIT.deviated],
    ['all approved', [report({ authority: 'approved' })], {}, EXIT.ok],
    ['nothing', [], {}, EXIT.incomplete],
    ['a line that could not be read', [report()], { whole: false }, EXIT.incomplete],
    ['deviated before incomplete', [report({ authority: 'deviated' }), report({ completeness: 'incomplete' })], {}, EXIT.incomplete],
    [
      'broken before all',
      [report({ authority: 'deviated' }), report({ completeness: 'incomplete' }), report({ integrity: 'broken' })],
      { whole: false },
      EXIT.broken,
    ],
  ] as const)('of %s', (_what, reports, facts, expected) => {
    expect(status(reports, facts)).toBe(expected);
  });
});
