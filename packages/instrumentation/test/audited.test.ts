import { ATTR } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AuditedDecorator, audited } from '../src/audited.js';
import { shutDownSessions } from '../src/exit.js';
import { session } from '../src/session.js';
import { findings, type Recording, record } from './support/recording.js';

let recording: Recording;
beforeEach(() => {
  recording = record();
});
afterEach(() => recording.stop());

const intents = () => recording.kind('action.intent');
const disclosed = () => intents().map((intent) => intent.content[ATTR.toolArguments]);
const expectHonest = () => {
  shutDownSessions();
  expect(findings(recording.links())).toEqual([]);
};

describe('audited(name, fn)', () => {
  test('keeps arguments, this, result, name and length', () => {
    const account = {
      balance: 10,
      add: audited('add', function add(this: { balance: number }, first: number, second: number) {
        this.balance += first + second;
        return this.balance;
      }),
    };
    expect(account.add(1, 2)).toBe(13);
    expect(account.add.name).toBe('add');
    expect(account.add).toHaveLength(2);
    expectHonest();
  });

  test('keeps what the application put on the function', () => {
    const schema = Symbol('schema');
    const fn = Object.assign(() => 1, { description: 'pays', [schema]: { type: 'object' } });
    const pay = audited('pay', fn) as typeof fn;
    expect(pay.description).toBe('pays');
    expect(pay[schema]).toEqual({ type: 'object' });
  });

  test('records one object as itself and everything else as the list of arguments', () => {
    const call = audited('call', (..._args: unknown[]) => 1);
    call({ to: 'bob' });
    call('bob');
    call(['bob']);
    call({ to: 'bob' }, 2);
    call();
    expect(disclosed()).toEqual(['{"to":"bob"}', '["bob"]', '[["bob"]]', '[{"to":"bob"},2]', '[]']);
    expectHonest();
  });

  test('takes reason, type and arguments from its options', () => {
    const pay = audited('pay', (invoice: number, account: string) => `${invoice} from ${account}`, {
      reason: (invoice) => `invoice ${invoice} is due`,
      type: 'extension',
      arguments: (invoice) => ({ invoice }),
    });
    pay(7, 'secret account');
    expect(disclosed()).toEqual(['{"invoice":7}']);
    expect(intents()[0]?.attributes).toMatchObject({ [ATTR.toolType]: 'extension', [ATTR.reasonSource]: 'declared' });
    expect(intents()[0]?.content[ATTR.reason]).toBe('invoice 7 is due');
    expectHonest();
  });

  test('withholds what its own redaction withholds', () => {
    const pay = audited('pay', (_card: string) => 1, {
      redact: (value, { field }) => (field === 'arguments' ? undefined : value),
      reason: 'due',
    });
    pay('4111 1111 1111 1111');
    expect(Object.keys(intents()[0]?.content ?? {})).toEqual([ATTR.reason, ATTR.saltReason]);
    expectHonest();
  });

  test('runs although its options fail', () => {
    const broken = () => {
      throw new Error('option');
    };
    expect(audited('pay', () => 5, { reason: broken, arguments: broken })()).toBe(5);
    expect(intents()).toHaveLength(1);
    expectHonest();
  });

  test('records into the session that it is given', () => {
    const given = session({ agent: { id: 'bot' } }, (own) => ({ own, hold: own.hold() }));
    audited('pay', () => 1, { session: given.own })();
    given.hold.release();
    expect(intents()[0]?.session).toBe(given.own.id);
    expectHonest();
  });

  test('tells an abort by the caller’s signal from an error', async () => {
    const fetchIt = audited('fetch', async (_url: string, options: { signal: AbortSignal }) => {
      options.signal.throwIfAborted();
    });
    await expect(fetchIt('x', { signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
    expect(recording.kind('action.outcome')[0]?.attributes[ATTR.actionStatus]).toBe('cancelled');
    expectHonest();
  });

  test.each([
    ['no name', () => audited('', () => 1)],
    ['no function', () => audited('pay', 'not a function' as never)],
  ])('refuses %s', (_what, wrong) => {
    expect(wrong).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

describe('@audited()', () => {
  class Mailer {
    private sent: string[] = [];

    @audited()
    send(to: string): number {
      return this.sent.push(to);
    }

    @audited('mail_later', { reason: 'queued' })
    async later(to: string): Promise<string> {
      return `${to} ${this.sent.length}`;
    }

    @audited()
    static create(): Mailer {
      return new this();
    }

    @audited()
    *drafts(): Generator<string> {
      yield* this.sent;
    }

    @audited()
    #hidden(): string {
      return 'hidden';
    }

    hidden(): string {
      return this.#hidden();
    }
  }

  test('records methods: plain, asynchronous, static, generator and private', async () => {
    const mailer = Mailer.create();
    expect(mailer).toBeInstanceOf(Mailer);
    expect(mailer.send('bob')).toBe(1);
    expect(await mailer.later('ann')).toBe('ann 1');
    expect([...mailer.drafts()]).toEqual(['bob']);
    expect(mailer.hidden()).toBe('hidden');
    expect(intents().map((intent) => intent.attributes[ATTR.toolName])).toEqual(['create', 'send', 'mail_later', 'drafts', 'hidden']);
    expectHonest();
  });

  test('compiled as an experimental decorator says what to do', () => {
    const legacy = audited() as unknown as (target: object, key: string, descriptor: PropertyDescriptor) => unknown;
    expect(() => legacy({}, 'send', { value: () => 1 })).toThrow(
      expect.objectContaining({ code: 'invalid_decorator', message: expect.stringMatching(/experimentalDecorators.*audited\(name, fn\)/) }),
    );
  });

  test('on anything but a method says what it is on', () => {
    const onField = audited() as unknown as (value: undefined, context: object) => unknown;
    expect(() => onField(undefined, { kind: 'field', name: 'sent' })).toThrow(/@audited\(\) on sent: it is a field/);
  });

  test('is typed as a method decorator', () => {
    const decorator: AuditedDecorator = audited({ type: 'extension' });
    expect(decorator).toBeTypeOf('function');
  });
});
