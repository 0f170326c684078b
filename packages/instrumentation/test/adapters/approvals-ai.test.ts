import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { actionsOf, decidedCalls } from './support/decisions.js';
import { AI7, FIXTURES, NODE, NODE_22 } from './support/process.js';
import { claimUnchanged, expectAllExecuted, guardedRun, inProcesses, withAndWithout } from './support/program.js';

const SIX = { version: 6, program: NODE, folder: FIXTURES, name: 'ai-approvals' };
const SEVEN = { version: 7, program: NODE_22, folder: AI7, name: 'approvals' };
const LOADINGS = [SIX, SEVEN].flatMap(({ folder, name, ...rest }) => [
  { ...rest, file: join(folder, `${name}.mjs`), loading: 'as ES modules' },
  { ...rest, file: join(folder, `${name}.cjs`), loading: 'as CommonJS' },
]);
const YES = ['approved'];
const NO = ['denied'];
/** The calls of the program that a human decides about. */
const DECIDED = [
  'ap1 ch1 co2 dn1 dn2 ed1 ge1 generate1 generate2 mx1 mx2 po1 po2 pr1 pr2',
  're1 re2 st1 st2 stream1 stream2 ui1 ui2',
].flatMap((ids) => ids.split(' '));
/** The arguments of most calls: `a` and one more. */
const sum = (a: number) => `{"a":${a},"b":1}`;

describe.each(LOADINGS)('approvals of ai $version $loading', ({ version, file, program }) => {
  const run = withAndWithout(file, { program });
  const { links } = run;
  const of = (callId: string) => actionsOf(links, callId);

  claimUnchanged(run, { lines: 20, links: 100 });

  it('attest to all that was to run', () => {
    expectAllExecuted(links);
  });

  it('stand between intent and outcome of the call that was approved, and not of the one beside it that needs none', () => {
    expect(of('ap1')).toEqual([['pay', sum(1), YES, 'ok']]);
    expect(of('ap2')).toEqual([['add', sum(2), [], 'ok']]);
    expect(links.reason('ap1')).toEqual(['text', 'Both.']);
    expect(of('ge1')).toEqual([['pay', sum(1), YES, 'ok']]);
  });

  it('say of a call that was denied that it was asked for and never ran, once, also when the run is tried again', () => {
    expect(of('dn1')).toEqual([['pay', sum(1), NO, 'denied']]);
    expect(of('dn2')).toEqual([['pay', sum(2), NO, 'denied']]);
    expect(links.reason('dn1')).toEqual(['text', 'May I?']);
    const denied = ['action.intent', 'approval', 'action.outcome'];
    expect(links.kindsOf('dn1')).toEqual(['session.start', ...denied, ...denied, 'attestation', 'session.end']);
  });

  it.each(['mx', 'st', 'generate', 'stream'])(
    'are each of its own call among parallel ones, generated and streamed, by an agent too (%s)',
    (id) => {
      expect(of(`${id}1`)).toEqual([['pay', sum(1), YES, 'ok']]);
      expect(of(`${id}2`)).toEqual([['pay', sum(2), NO, 'denied']]);
      expect(of(`${id}3`).map(([, , decisions]) => decisions)).toEqual(id === 'mx' || id === 'st' ? [[]] : []);
    },
  );

  it('are of the arguments that run where a human changed them', () => {
    expect(of('ed1')).toEqual([['pay', sum(10), YES, 'ok']]);
  });

  it('are of nothing while nobody has decided', () => {
    expect(of('nv1')).toEqual([]);
    expect(of('nv2')).toEqual([['add', sum(2), [], 'ok']]);
  });

  it('are of those calls alone that a function asks for', () => {
    expect(of('co1')).toEqual([['large', sum(1), [], 'ok']]);
    expect(of('co2')).toEqual([['large', sum(1000), YES, 'ok']]);
  });

  it('are of no call that the framework does not run in spite of them', () => {
    expect(of('co3')).toEqual(version === 6 ? [] : [['pay', sum(1), YES, 'ok']]);
    expect(of('co4')).toEqual([]);
    expect(of('ch1')).toEqual([['pay', sum(1), YES, 'ok']]);
    expect(of('ch2')).toEqual([]);
  });

  it('are not of a later call under the id of an earlier one', () => {
    expect(of('re1')).toEqual([
      ['pay', sum(1), YES, 'ok'],
      ['add', sum(5), [], 'ok'],
    ]);
    expect(of('re2')).toEqual([
      ['pay', sum(2), NO, 'denied'],
      ['add', sum(6), [], 'ok'],
    ]);
  });

  it('come from the messages of a user interface, once', () => {
    expect(of('ui1')).toEqual([['pay', sum(1), YES, 'ok']]);
    expect(of('ui2')).toEqual([['pay', sum(1), NO, 'denied']]);
  });

  it('are of tools that the provider runs, too', () => {
    expect(of('pr1')).toEqual([['remote', sum(1), YES, 'ok']]);
    expect(of('pr2')).toEqual([['remote', sum(1), NO, 'denied']]);
    expect(of('pr3')).toEqual([['remote', sum(1), [], 'ok']]);
    for (const callId of ['pr1', 'pr2']) expect(links.intent(callId)?.attributes['gen_ai.tool.type']).toBe('extension');
  });

  it('are not made of what a function of the application decided by itself, as it can in 7', () => {
    const seven = (...actions: unknown[][]) => (version === 7 ? actions : []);
    expect(of('au1')).toEqual(seven(['add', sum(1), [], 'ok']));
    expect(of('au2')).toEqual(seven(['add', sum(5), [], 'ok']));
    expect(of('au3')).toEqual(seven(['add', sum(50), YES, 'ok']));
    expect(of('as1')).toEqual(seven(['add', sum(1), [], 'ok']));
    expect(of('as2')).toEqual(seven(['add', sum(5), [], 'ok']));
    expect(of('sp2')).toEqual(seven(['client', sum(2), [], 'ok']));
    for (const refused of ['au4', 'au5', 'as4', 'sp1']) expect(of(refused)).toEqual([]);
  });

  it('are there in a stream that keeps nothing, as 7 has it', () => {
    expect(of('lo1')).toEqual(version === 7 ? [['pay', sum(1), YES, 'ok']] : []);
    expect(of('lo2')).toEqual(version === 7 ? [['pay', sum(2), NO, 'denied']] : []);
  });

  it('are all of these and no more', () => {
    expect(of('po1')).toEqual([['wire', sum(1), YES, 'ok']]);
    expect(of('po2')).toEqual([['pay', sum(2), YES, 'ok']]);
    const seven = version === 7 ? ['au3', 'co3', 'lo1', 'lo2'] : [];
    expect(decidedCalls(links)).toEqual([...DECIDED, ...seven].sort());
  });
});

describe.each([SIX, SEVEN])('ai $version', ({ folder, name, program }) => {
  const [file, other] = [join(folder, `${name}.mjs`), join(folder, `${name}.cjs`)];

  it.concurrent('has a decision recorded by the process that hears of it, from messages that were kept', () =>
    inProcesses({ program }, async ({ ran, links }) => {
      await ran(other, 'ask');
      expect(decidedCalls(links)).toEqual([]);
      const stdout = await ran(file, 'answer');
      expect(decidedCalls(links)).toEqual(['el1', 'el2']);
      expect(stdout).toContain('not that');
      expect(actionsOf(links, 'el1')).toEqual([['pay', sum(1), YES, 'ok']]);
      expect(actionsOf(links, 'el2')).toEqual([['pay', sum(2), NO, 'denied']]);
      expect(actionsOf(links, 'el3')).toEqual([['add', sum(3), [], 'ok']]);
      expect(links.reason('el2')).toEqual(['text', 'From here.']);
    }));

  it.concurrent("has a policy's no stand against a human's yes, and asks whom a policy asks all the same", async () => {
    const { stdout, links } = await guardedRun(file, { VETO: 'wire', APPROVE: 'pay' }, { program });
    expect(actionsOf(links, 'po1')).toEqual([['wire', sum(1), YES, 'denied']]);
    expect(links.intent('po1')?.attributes['custody.policy.decision']).toBe('deny');
    expect(actionsOf(links, 'po2')).toEqual([['pay', sum(2), [...YES, 'approved by bob@example.com'], 'ok']]);
    expect(actionsOf(links, 'dn1')).toEqual([['pay', sum(1), NO, 'denied']]);
    expect(stdout).toContain('The call of wire was refused by policy (blocked): not here.');
  });
});
