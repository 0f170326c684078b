import { z } from 'zod';

// What an agent asks, what a human answers, and what the collector keeps of both.

const hex32 = z.string().regex(/^[0-9a-f]{32}$/, 'expected 32 lower-case hex');
const hex64 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex');
const name = z.string().min(1).max(1024);

/** UTF-16 code units of arguments that a request may show: what a human is meant to read. */
const ARGUMENTS_LIMIT = 65_536;
const WEEK_MS = 7 * 24 * 3_600_000;

/** What a rule of a policy asks for before an action may run. */
const requirementSchema = z.strictObject({
  /** Who may approve, by name; `*@example.com` stands for all names that end so. Absent: whoever may sign in. */
  approvers: z.array(name).min(1).max(100).optional(),
  /** How many different people must approve. */
  count: z.int().min(1).max(10).default(1),
  /** Whether the principal on whose behalf the agent runs may approve. */
  self_approval: z.boolean().default(false),
  /** From the receipt by the collector, by its clock, ms. */
  expires_ms: z.int().min(1_000).max(WEEK_MS),
});

/** The body of `POST /api/v1/approvals`. */
export const approvalRequestSchema = z
  .strictObject({
    /** Made by the agent, one per action: the same request sent again is the same request. */
    id: hex32,
    session: hex32,
    /** Of the intent. */
    seq: z.int().min(1),
    action: name,
    agent: name,
    principal: name.optional(),
    tool: name,
    tool_type: name.optional(),
    arguments_digest: hex64,
    /** JCS text of the arguments, with the salt of their commitment: shown, and held against the digest. */
    arguments: z.string().max(ARGUMENTS_LIMIT).optional(),
    salt: hex64.optional(),
    reason: z.string().max(16_384).optional(),
    rule: name,
    /** What the policy says about it, for people. */
    message: z.string().max(4_096).optional(),
    requirement: requirementSchema,
  })
  .refine((request) => (request.arguments === undefined) === (request.salt === undefined), {
    path: ['salt'],
    message: 'arguments and salt go together: without its salt a text cannot be held against the digest',
  });
export type ApprovalRequest = z.infer<typeof approvalRequestSchema>;

/** The body of `POST /api/v1/approvals/ID/decision`. */
export const decisionSchema = z.strictObject({
  decision: z.enum(['approved', 'denied']),
  /** Whom a signed webhook speaks for; whoever is signed in speaks for themselves. */
  approver: name.optional(),
  /** What was shown to the approver: a decision on other arguments is none. */
  arguments_digest: hex64,
  comment: z.string().max(4_096).optional(),
});

/** How a decision came; `local`: to the API, where nobody is asked who they are. */
export type DecisionWay = 'console' | 'token' | 'local' | 'webhook';

export interface Decision {
  readonly decision: 'approved' | 'denied';
  readonly approver: string;
  readonly way: DecisionWay;
  readonly comment: string;
  readonly atMs: number;
}

export type ApprovalState = 'pending' | 'approved' | 'denied' | 'expired';

/** One request for approval with all that became of it. */
export interface Approval {
  readonly request: ApprovalRequest;
  /** Unix ms, the collector's clock. */
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
  readonly decisions: readonly Decision[];
  /** `pending` on record may have expired since: see `stateAt`. */
  readonly state: ApprovalState;
  /** Who used the approval: a nonce of the agent's process. An approval is used once. */
  readonly claim: string | undefined;
}
