import { randomBytes } from 'node:crypto';
import { commitment } from '@agent-custody/chain';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Approval, ApprovalError, type ApprovalRequest, Approvals, approvalRequestSchema } from '../src/approvals/index.js';
import { nodeHashing } from '../src/hashing.js';
import { type Ledger, openSqliteLedger } from '../src/ledger/index.js';
import { silent } from './service-support.js';

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');
const SALT = hex(32);
const ARGUMENTS = '{"amount":900,"to":"DE00"}';
const MINUTE = 60_000;

let ledger: Ledger;
let now: number;
let refused: string[];
let approvals: Approvals;
beforeEach(() => {
  ledger = openSqliteLedger(':memory:');
  now = 1_790_000_000_000;
  refused = [];
  approvals = open();
});
afterEach(() => ledger.close());

function open(note?: () => void): Approvals {
  const metrics = {
    approvalRequested: () => undefined,
    approvalDecided: () => undefined,
    approvalRefused: (code: string) => refused.push(code),
  };
  return new Approvals({ store: ledger.approvals, now: () => now, metrics, log: silent, note });
}

function asked(changes: Partial<ApprovalRequest> = {}): Approval {
  return approvals.request(requestOf(changes));
}

function requestOf(changes: Partial<ApprovalRequest> = {}): ApprovalRequest {
  return approvalRequestSchema.parse({
    id: hex(16),
    session: hex(16),
    seq: 2,
    action: 'a1',
    agent: 'billing-bot',
    principal: 'alice@example.com',
    tool: 'pay',
    arguments_digest: commitment('arguments', ARGUMENTS, SALT, nodeHashing),
    arguments: ARGUMENTS,
    salt: SALT,
    rule: 'large-payments',
    requirement: { expires_ms: 10 * MINUTE },
    ...changes,
  });
}

const decide = (
  approval: Approval,
  approver = 'bob@example.com',
  decision: 'approved' | 'denied' = 'approved',
  message?: string,
): Approval =>
  approvals.decide(approval.request.id, { decision, approver, way: 'console', comment: '' }, approval.request.arguments_digest, message);
const code = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof ApprovalError) return error.code;
    throw error;
  }
  return 'accepted';
};
const requirement = (changes: Partial<ApprovalRequest['requirement']>) => ({
  requirement: { count: 1, self_approval: false, expires_ms: 10 * MINUTE, ...changes },
});

describe('a request for approval', () => {
  test('waits until a human decides', () => {
    const approval = asked();
    expect(approvals.pending().map(({ request }) => request.id)).toEqual([approval.request.id]);
    expect(decide(approval)).toMatchObject({ state: 'approved', decisions: [{ approver: 'bob@example.com', atMs: now }] });
    expect(approvals.pending()).toEqual([]);
  });

  test('sent again is the same request', () => {
    const request = requestOf();
    expect(approvals.request(request)).toEqual(approvals.request(request));
    expect(approvals.pending()).toHaveLength(1);
  });

  test.each([
    ['its id', (first: ApprovalRequest) => ({ id: first.id })],
    ['its intent', (first: ApprovalRequest) => ({ session: first.session, seq: first.seq })],
  ])('is refused when another one has %s', (_what, same) => {
    const first = asked().request;
    expect(code(() => asked(same(first)))).toBe('conflict');
  });

  test('is refused when what it shows is not what the digest commits to', () => {
    expect(code(() => asked({ arguments: '{"amount":1,"to":"DE00"}' }))).toBe('digest_mismatch');
    expect(approvals.pending()).toEqual([]);
  });

  test('survives a restart of the collector, and so does the answer', () => {
    const approval = asked();
    approvals = open();
    decide(approval);
    approvals = open();
    expect(approvals.get(approval.request.id).state).toBe('approved');
  });

  test('expires, is then no longer pending, and stays so', () => {
    const approval = asked();
    now += 10 * MINUTE;
    approvals.sweep();
    expect(approvals.get(approval.request.id).state).toBe('expired');
    now -= 5 * MINUTE;
    expect(code(() => decide(approval))).toBe('late');
  });

  test('wakes whoever waits for it as soon as it is decided', async () => {
    const approval = asked();
    const answer = approvals.settled(approval.request.id, 30_000, new AbortController().signal);
    decide(approval, 'bob@example.com', 'denied');
    expect((await answer).state).toBe('denied');
  });

  test('lets go of whoever waits and goes away', async () => {
    const gone = new AbortController();
    const answer = approvals.settled(asked().request.id, 30_000, gone.signal);
    gone.abort();
    expect((await answer).state).toBe('pending');
  });
});

describe('a decision is refused and counted', () => {
  test.each<[string, () => Approval, (approval: Approval) => unknown]>([
    [
      'late',
      asked,
      (approval) => {
        now += 10 * MINUTE;
        decide(approval);
      },
    ],
    [
      'decided',
      asked,
      (approval) => {
        decide(approval);
        decide(approval, 'carol@example.com', 'denied');
      },
    ],
    ['self_approval', asked, (approval) => decide(approval, 'Alice@Example.com')],
    [
      'not_an_approver',
      () => asked(requirement({ approvers: ['carol@example.com', '*@audit.example.com'] })),
      (approval) => decide(approval),
    ],
    [
      'same_approver',
      () => asked(requirement({ count: 2 })),
      (approval) => {
        decide(approval);
        decide(approval, 'BOB@example.com ');
      },
    ],
    [
      'other_arguments',
      asked,
      (approval) => approvals.decide(approval.request.id, { decision: 'approved', approver: 'bob', way: 'webhook', comment: '' }, hex(32)),
    ],
    [
      'replay',
      () => asked(requirement({ count: 2 })),
      (approval) => {
        decide(approval, 'bob', 'approved', 'msg_1');
        decide(approval, 'carol', 'approved', 'msg_1');
      },
    ],
  ])('%s', (expected, ask, act) => {
    const approval = ask();
    expect(code(() => act(approval))).toBe(expected);
    expect(refused).toEqual([expected]);
  });

  test('and a refused message may be sent again', () => {
    const approval = asked();
    expect(code(() => decide(approval, 'alice@example.com', 'approved', 'msg_2'))).toBe('self_approval');
    expect(code(() => decide(approval, 'bob@example.com', 'approved', 'msg_2'))).toBe('accepted');
  });
});

describe('an approval', () => {
  test('by the principal counts where the rule allows it', () => {
    expect(decide(asked(requirement({ self_approval: true })), 'alice@example.com').state).toBe('approved');
  });

  test('by a name that a pattern of the rule covers counts', () => {
    expect(decide(asked(requirement({ approvers: ['*@example.com'] }))).state).toBe('approved');
  });

  test('waits for as many people as the rule asks for', () => {
    const approval = asked(requirement({ count: 2 }));
    expect(decide(approval, 'bob@example.com').state).toBe('pending');
    expect(decide(approval, 'carol@example.com').state).toBe('approved');
  });

  test('is used once, by one process', () => {
    const { id } = decide(asked()).request;
    const claim = hex(16);
    expect(approvals.claim(id, claim).claim).toBe(claim);
    expect(code(() => approvals.claim(id, claim))).toBe('accepted');
    expect(code(() => approvals.claim(id, hex(16)))).toBe('used');
  });

  test('is not used after its expiry, nor before it was given', () => {
    const approval = asked();
    expect(code(() => approvals.claim(approval.request.id, hex(16)))).toBe('not_approved');
    decide(approval);
    now += 10 * MINUTE;
    expect(code(() => approvals.claim(approval.request.id, hex(16)))).toBe('late');
  });
});

test('one denial is final, however many approved before', () => {
  const approval = asked(requirement({ count: 3 }));
  decide(approval, 'bob@example.com');
  expect(decide(approval, 'carol@example.com', 'denied').state).toBe('denied');
  expect(code(() => decide(approval, 'dave@example.com'))).toBe('decided');
});

test('erasing a session leaves who decided, and nothing of what was shown', () => {
  const approval = asked({ reason: 'the invoice is due' });
  approvals.decide(
    approval.request.id,
    { decision: 'denied', approver: 'bob', way: 'console', comment: 'DE00 is not ours' },
    approval.request.arguments_digest,
  );
  ledger.approvals.eraseApprovals(approval.request.session);
  const text = JSON.stringify(approvals.get(approval.request.id));
  expect(text).toContain('bob');
  for (const gone of ['DE00', SALT, 'the invoice is due']) expect(text).not.toContain(gone);
});

test('no more wait than a ledger, or a human, can bear', () => {
  for (let i = 0; i < 1000; i++) asked({ agent: `agent-${i % 10}` });
  expect(code(() => asked({ agent: 'another' }))).toBe('too_many');
});

test('what cannot be told to the webhook is not taken either, and can be sent again', () => {
  const request = requestOf();
  const { id, arguments_digest: digest } = request;
  const full = () => {
    throw new Error('the disk is full');
  };
  approvals = open(full);
  expect(() => approvals.request(request)).toThrow(/full/);
  expect(ledger.approvals.approval(id)).toBeUndefined();
  approvals = open();
  approvals.request(request);
  const decided = { decision: 'approved', approver: 'bob', way: 'webhook', comment: '' } as const;
  approvals = open(full);
  expect(() => approvals.decide(id, decided, digest, 'msg_1')).toThrow(/full/);
  approvals = open();
  expect(approvals.decide(id, decided, digest, 'msg_1').state).toBe('approved');
});

test('pruning a session takes its requests and what nobody has been told of them, and old ones of sessions that never came', () => {
  const [pruned, stray] = [asked().request, asked().request];
  now += 60 * MINUTE;
  const recent = asked().request;
  for (const { id } of [pruned, recent]) ledger.addNotice({ sink: 'approvals', key: id, body: JSON.stringify({ id }) });
  ledger.prune([pruned.session], { by: 'ann', reason: 'retention', atMs: now, beforeMs: now });
  for (const { id } of [pruned, stray]) expect(ledger.approvals.approval(id)).toBeUndefined();
  expect(ledger.approvals.approval(recent.id)).toBeDefined();
  expect(ledger.notices('approvals', 10).map(({ key }) => key)).toEqual([recent.id]);
});

test('one agent that asks and asks does not keep the others from asking', () => {
  for (let i = 0; i < 100; i++) asked();
  expect(code(() => asked())).toBe('too_many');
  expect(code(() => asked({ agent: 'another' }))).toBe('accepted');
  now += 10 * MINUTE;
  approvals.sweep();
  expect(code(() => asked())).toBe('accepted');
});

test.each([
  ['a letter that only looks the same', 'ｂob@example.com', ['bob@example.com']],
  ['a domain that only looks the same', 'mallory@\u212Aiosk.example', ['*@kiosk.example']],
])('%s names nobody who is asked for', (_what, approver, approvers) => {
  expect(code(() => decide(asked(requirement({ approvers })), approver))).toBe('not_an_approver');
});

test.each([
  ['in wide letters', 'ａlice@example.com', 'Alice@example.com'],
  ['with what is not seen', 'ali\u00adce@example.com\u200b', 'alice@example.com'],
  ['with other spaces', 'Alice\u00a0 Smith', 'alice smith '],
  ['in letters that are longer in capitals', 'STRASSE@example.com', 'straße@example.com'],
])('and %s is taken for the principal, who may not decide', (_how, principal, approver) => {
  expect(code(() => decide(asked({ principal }), approver))).toBe('self_approval');
});

test('a use is told to whoever looks', () => {
  const { id } = decide(asked()).request;
  const told: string[] = [];
  approvals.onChange(({ claim }) => told.push(String(claim !== undefined)));
  approvals.claim(id, hex(16));
  expect(told).toEqual(['true']);
});
