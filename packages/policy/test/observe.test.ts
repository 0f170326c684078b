import { describe, expect, it } from 'vitest';
import { action, decideOnce, Guard } from './support.js';

describe('observing', () => {
  it('allows what the whole policy would deny, and tells', () => {
    expect(decideOnce({ mode: 'observe', allowed_tools: ['read'] }, action('send'))).toMatchObject({
      decision: 'allow',
      rule: 'observe',
      observed: { decision: 'deny', rule: 'default' },
    });
  });

  it('tells nothing when it would have been the same', () => {
    expect(decideOnce({ mode: 'observe', allowed_tools: ['read'] }, action('read')).observed).toBeUndefined();
    expect(
      decideOnce({ allowed_tools: ['read'], rules: [{ tools: 'x', decision: 'deny', mode: 'observe' }] }, action('read')).observed,
    ).toBeUndefined();
  });

  it.each([
    ['denies', 'deny', 'allow', 'rules/1', 'deny'],
    ['asks for approval', 'require_approval', 'allow', 'rules/1', 'require_approval'],
  ])('a rule that %s decides nothing, and the next one does', (_what, decision, expected, rule, observed) => {
    const document = {
      default: 'deny',
      rules: [
        { tools: 'send', decision, mode: 'observe' },
        { tools: 'send', decision: 'allow' },
      ],
    };
    expect(decideOnce(document, action('send'))).toMatchObject({
      decision: expected,
      rule,
      observed: { decision: observed, rule: 'rules/0' },
    });
  });

  it('a rule that allows loosens nothing', () => {
    const document = { default: 'deny', rules: [{ decision: 'allow', mode: 'observe' }] };
    expect(decideOnce(document, action('send'))).toMatchObject({
      decision: 'deny',
      rule: 'default',
      observed: { decision: 'allow', rule: 'rules/0' },
    });
  });

  it('one file of several leaves the others in force', () => {
    const guard = new Guard(
      { name: 'org', default: 'allow', blocked_tools: ['shell'] },
      { name: 'team', mode: 'observe', allowed_tools: ['read'] },
    );
    expect(guard.decide(action('shell'))).toMatchObject({ decision: 'deny', rule: 'org:blocked_tools/shell' });
    expect(guard.decide(action('send'))).toMatchObject({
      decision: 'allow',
      rule: 'org:default',
      observed: { decision: 'deny', rule: 'team:default' },
    });
  });

  it('a limit counts as it would if it were enforced', () => {
    const limits = (mode: string) => ({ default: 'allow', limits: [{ calls: 2, within: '1m', mode }] });
    const [observing, enforcing] = [new Guard(limits('observe')), new Guard(limits('enforce'))];
    const told = Array.from({ length: 40 }, () => {
      for (const guard of [observing, enforcing]) guard.now += 7000;
      const { decision, observed } = observing.decide(action('read'));
      return [decision, observed?.decision ?? decision, enforcing.decide(action('read')).decision];
    });
    expect(told.map(([decision]) => decision)).toEqual(told.map(() => 'allow'));
    expect(told.map(([, observed]) => observed)).toEqual(told.map(([, , enforced]) => enforced));
    expect(told.map(([, observed]) => observed)).toContain('deny');
  });

  it('a limit does not count what never ran, since what is enforced denied it', () => {
    const rules = [{ tools: 'send', decision: 'allow', mode: 'observe' }];
    const guard = new Guard({ allowed_tools: ['read'], rules, limits: [{ calls: 1, within: '1m', mode: 'observe' }] });
    guard.calls(3, 'send');
    expect(guard.decide(action('read')).observed).toBeUndefined();
    expect(guard.decide(action('read')).observed?.decision).toBe('deny');
  });

  it('asks for no durability', () => {
    expect(decideOnce({ default: 'allow', mode: 'observe', durability: 'acknowledged' }, action('read')).durability).toBeUndefined();
  });
});
