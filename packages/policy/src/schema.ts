import { z } from 'zod';
import { conditionSchema } from './conditions/schema.js';
import { duration, id, list, mode, pattern, text } from './schema-parts.js';

const WEEK_MS = 7 * 86_400_000;

/** Who has to approve, how many of them, until when, and whether the principal may approve an own action. */
const approval = z.strictObject({
  approvers: list(text(1024).regex(/^\*?[^*]*$/, 'a * stands at the beginning alone: *@example.com'))
    .refine((names) => names === undefined || names.length <= 100, 'expected 100 names at the most: use *@example.com')
    .optional(),
  count: z.int().min(1).max(10).default(1),
  expires: duration
    .refine((ms) => ms >= 1000 && ms <= WEEK_MS, 'expected 1s to 7d: people do not answer sooner, and nobody knows any more later')
    .default(3_600_000),
  self_approval: z.boolean().default(false),
});
export type ApprovalSource = z.infer<typeof approval>;

/** Which calls something is about; what is left out is not asked for. */
const selector = {
  tools: list(pattern).optional(),
  tool_types: list(pattern).optional(),
  agents: list(pattern).optional(),
  principals: list(pattern).optional(),
  when: z.array(conditionSchema).min(1).max(100).optional(),
};

const about = {
  id: id.optional(),
  /** A sentence of the author's: added to the reason of each decision that this makes. */
  reason: text(500).optional(),
  mode: mode.optional(),
};

const restricting = z.enum(['deny', 'require_approval']);
const consequence = { decision: restricting.default('deny'), approval: approval.optional() };

const rule = z
  .strictObject({ ...about, ...selector, decision: z.enum(['allow', 'deny', 'require_approval']), approval: approval.optional() })
  .refine(({ decision, approval: wanted }) => wanted === undefined || decision === 'require_approval', {
    path: ['approval'],
    message: 'belongs to decision: require_approval',
  });
export type RuleSource = z.infer<typeof rule>;

/** An approval that is asked for where the consequence is to deny would be silently left out. */
const MISPLACED = { path: ['approval'], message: 'belongs to decision: require_approval' };
const fits = (part: { readonly decision: string; readonly approval?: unknown }): boolean =>
  part.approval === undefined || part.decision === 'require_approval';

const clock = (pattern: RegExp): z.ZodString => z.string().regex(pattern, 'expected a time of day in quotes, such as "09:00"');
const hours = z
  .strictObject({
    ...about,
    ...selector,
    ...consequence,
    zone: text(64).refine(isZone, 'is no IANA time zone, such as Europe/Berlin'),
    days: list(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])).optional(),
    from: clock(/^([01]\d|2[0-3]):[0-5]\d$/).default('00:00'),
    to: clock(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/).default('24:00'),
  })
  .refine(fits, MISPLACED)
  .refine(({ from, to }) => from !== to, { path: ['to'], message: 'is the same as from: leave both out for the whole day' });
export type HoursSource = z.infer<typeof hours>;

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

const groups = z.array(list(pattern)).min(2).max(20);
const separation = z
  .strictObject({
    ...about,
    ...consequence,
    agents: selector.agents,
    principals: selector.principals,
    never_both: groups.optional(),
    in_order: groups.optional(),
    tools: selector.tools,
    after: list(pattern).optional(),
  })
  .refine(fits, MISPLACED)
  .refine(
    ({ never_both, in_order, tools, after }) =>
      [never_both, in_order, after].filter((form) => form !== undefined).length === 1 && (tools === undefined) === (after === undefined),
    'expected one of: never_both: [GROUP, GROUP], in_order: [GROUP, GROUP], or tools: with after:',
  );
export type SeparationSource = z.infer<typeof separation>;

const flow = z
  .strictObject({
    ...about,
    ...consequence,
    label: text(64),
    from: list(pattern),
    restricts: z.strictObject(selector),
  })
  .refine(fits, MISPLACED);
export type FlowSource = z.infer<typeof flow>;

const dimension = z.enum(['tool', 'agent', 'principal', 'session']);
export type Dimension = z.infer<typeof dimension>;
const dimensions = list(dimension).default(['session']);

const limit = z
  .strictObject({ ...about, ...selector, ...consequence, per: dimensions, calls: z.int().min(1).max(1_000_000), within: duration })
  .refine(fits, MISPLACED);
export type LimitSource = z.infer<typeof limit>;

const pointer = conditionSchema;
const budget = z
  .strictObject({
    ...about,
    ...selector,
    ...consequence,
    per: dimensions,
    calls: z.int().min(1).max(1_000_000).optional(),
    sum: z.strictObject({ argument: text(1024), at_most: z.number().min(0) }).optional(),
  })
  .refine(fits, MISPLACED)
  .refine(({ calls, sum }) => (calls === undefined) !== (sum === undefined), 'expected one of calls: and sum:')
  .refine(({ sum }) => sum === undefined || pointer.safeParse({ argument: sum.argument, present: true }).success, {
    path: ['sum', 'argument'],
    message: 'expected a JSON Pointer (RFC 6901), such as /amount',
  })
  .refine(({ per }) => per.includes('session'), { path: ['per'], message: 'a budget is one of a session: name session too' });
export type BudgetSource = z.infer<typeof budget>;

const TRIPS = ['consecutive_errors', 'error_rate', 'identical_calls', 'changed_retries', 'spawns'] as const;
const breaker = z
  .strictObject({
    ...about,
    ...selector,
    ...consequence,
    per: dimensions,
    consecutive_errors: z.int().min(1).max(1000).optional(),
    error_rate: z.strictObject({ above: z.number().min(0).lt(1), of: z.int().min(2).max(200) }).optional(),
    identical_calls: z.int().min(1).max(50).optional(),
    changed_retries: z.int().min(1).max(1000).optional(),
    spawns: z.int().min(1).max(1000).optional(),
    within: duration.default(600_000),
    open_for: duration.default(300_000),
    trial_calls: z.int().min(1).max(10).default(1),
  })
  .refine(fits, MISPLACED)
  .refine(
    (one) => TRIPS.filter((trip) => one[trip] !== undefined).length === 1,
    `expected one of ${TRIPS.join(', ')}: a breaker trips on one thing`,
  );
export type BreakerSource = z.infer<typeof breaker>;

const durability = z.union([z.literal('acknowledged'), z.strictObject({ acknowledged: list(pattern) })], {
  error: 'expected acknowledged, or { acknowledged: PATTERNS }',
});

const many = <T extends z.ZodType>(part: T): z.ZodOptional<z.ZodArray<T>> => z.array(part).max(1000).optional();

/** A policy file, as its author writes it (README, "The file"). */
export const documentSchema = z
  .strictObject({
    version: z.literal(1).default(1),
    name: text(64)
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected letters, digits and . _ -')
      .optional(),
    description: text(2000).optional(),
    mode: mode.default('enforce'),
    default: z.enum(['allow', 'deny']).optional(),
    allowed_tools: z.array(pattern).max(1000).optional(),
    blocked_tools: z.array(pattern).max(1000).optional(),
    rules: many(rule),
    hours: many(hours),
    separation: many(separation),
    flows: many(flow),
    limits: many(limit),
    budgets: many(budget),
    breakers: many(breaker),
    durability: durability.optional(),
  })
  .transform((document, context) => {
    const fallback = document.default ?? impliedDefault(document);
    if (fallback !== undefined) return { ...document, default: fallback };
    context.addIssue({
      code: 'custom',
      message: 'default is missing: say what becomes of a call that no rule speaks of (default: deny or allow)',
    });
    return z.NEVER;
  });
export type PolicyDocument = z.infer<typeof documentSchema>;

/**
 * Left out, the default is clear in the two simple forms alone: an allow list means that nothing else is allowed, a block list by
 * itself that everything else is. Anywhere else a guess could turn round when the last rule of a kind is removed.
 */
function impliedDefault(document: {
  readonly allowed_tools?: unknown;
  readonly blocked_tools?: unknown;
  readonly rules?: unknown;
}): 'allow' | 'deny' | undefined {
  if (document.allowed_tools !== undefined) return 'deny';
  return document.blocked_tools !== undefined && document.rules === undefined ? 'allow' : undefined;
}
