import { z } from 'zod';
import {
  ACTION_STATUSES,
  APPROVAL_DECISIONS,
  ATTR,
  type AttributeValue,
  ENCODINGS,
  OBSERVED_DECISIONS,
  OPERATION_EXECUTE_TOOL,
  POLICY_DECISIONS,
  REASON_SOURCES,
  SESSION_OUTCOMES,
  WIRE_VERSION,
} from './attributes.js';
import { factsOf } from './keys.js';
import type { WireValue } from './span.js';

// The tables of SPEC.md, "Attributes", as schemas. Keys that they do not name are chained like the rest and otherwise ignored.
const HEX64 = /^[0-9a-f]{64}$/;
const HEX32 = /^[0-9a-f]{32}$/;
const TIME = /^[1-9][0-9]{0,19}$/;
const hex64 = z.string().regex(HEX64, 'expected 64 lower-case hex');
const sessionId = z.string().regex(HEX32, 'expected 32 lower-case hex');
const text = z.string();
const int = z.number().int();
const positive = int.min(1);
const time = z.string().regex(TIME, 'expected Unix nanoseconds, decimal');

const everyLink = {
  [ATTR.version]: int,
  [ATTR.sessionId]: sessionId,
  [ATTR.seq]: positive,
  [ATTR.kind]: text,
  [ATTR.prev]: hex64,
  [ATTR.time]: time,
  [ATTR.hash]: hex64,
  [ATTR.fingerprint]: hex64,
  [ATTR.agentId]: text,
  [ATTR.agentName]: text,
  [ATTR.agentVersion]: text.optional(),
  [ATTR.conversationId]: text.optional(),
};
const components = { [ATTR.systemPrompt]: hex64, [ATTR.tools]: hex64, [ATTR.memory]: hex64 };
const tool = {
  [ATTR.operationName]: z.literal(OPERATION_EXECUTE_TOOL),
  [ATTR.toolName]: text,
  [ATTR.toolType]: text.optional(),
  [ATTR.toolCallId]: text.optional(),
};

const anyKind = z.object(everyLink);
const byKind = {
  'session.start': z
    .object({
      ...everyLink,
      ...components,
      [ATTR.principal]: text.optional(),
      [ATTR.owner]: text.optional(),
      [ATTR.memoryStore]: text.optional(),
      [ATTR.processId]: text.optional(),
      [ATTR.familyId]: text.optional(),
      [ATTR.parentSessionId]: sessionId.optional(),
      [ATTR.parentSeq]: int.optional(),
      [ATTR.parentHash]: hex64.optional(),
      [ATTR.keyId]: text.optional(),
    })
    .refine(
      (link) =>
        new Set([link[ATTR.parentSessionId], link[ATTR.parentSeq], link[ATTR.parentHash]].map((part) => part === undefined)).size === 1,
      {
        path: ['custody.parent'],
        message: 'session.id, seq and hash: all three or none',
      },
    ),
  'action.intent': z.object({
    ...everyLink,
    ...components,
    ...tool,
    [ATTR.actionId]: text,
    [ATTR.actionParentId]: text.optional(),
    [ATTR.argumentsDigest]: hex64,
    [ATTR.argumentsEncoding]: z.enum(ENCODINGS),
    [ATTR.reasonDigest]: hex64,
    [ATTR.reasonSource]: z.enum(REASON_SOURCES),
    [ATTR.policyDecision]: z.enum(POLICY_DECISIONS),
    [ATTR.policyRule]: text.optional(),
    [ATTR.policyObserved]: z.enum(OBSERVED_DECISIONS).optional(),
    [ATTR.childAgentId]: text.optional(),
  }),
  approval: z.object({
    ...everyLink,
    [ATTR.actionId]: text,
    [ATTR.approvalId]: text,
    [ATTR.approvalDecision]: z.enum(APPROVAL_DECISIONS),
    [ATTR.approvalApprover]: text.optional(),
    [ATTR.argumentsDigest]: hex64,
  }),
  'action.outcome': z.object({
    ...everyLink,
    ...tool,
    [ATTR.actionId]: text,
    [ATTR.actionStatus]: z.enum(ACTION_STATUSES),
    [ATTR.resultDigest]: hex64.optional(),
    [ATTR.errorType]: text.optional(),
  }),
  'fingerprint.change': z.object({ ...everyLink, [ATTR.fingerprintPrevious]: hex64, [ATTR.fingerprintChanged]: z.array(text) }),
  'child.spawn': z.object({
    ...everyLink,
    [ATTR.childSessionId]: sessionId,
    [ATTR.actionParentId]: text.optional(),
    [ATTR.policyRule]: text.optional(),
    [ATTR.policyObserved]: z.enum(OBSERVED_DECISIONS).optional(),
  }),
  loss: z
    .object({ ...everyLink, [ATTR.lossFirst]: int.min(1), [ATTR.lossLast]: int, [ATTR.lossReason]: text })
    .refine((link) => link[ATTR.lossFirst] <= link[ATTR.lossLast] && link[ATTR.lossLast] < link[ATTR.seq], {
      path: [ATTR.lossLast],
      message: 'expected first ≤ last < the own seq',
    }),
  attestation: z.object({
    ...everyLink,
    [ATTR.attestationRequested]: int.min(0),
    [ATTR.attestationExecuted]: int.min(0),
    [ATTR.attestationUnexecuted]: z.array(text).optional(),
    [ATTR.attestationUnrequested]: z.array(text).optional(),
  }),
  'session.end': z.object({
    ...everyLink,
    [ATTR.sessionLinks]: int,
    [ATTR.sessionActions]: int,
    [ATTR.sessionOutcome]: z.enum(SESSION_OUTCOMES),
  }),
  heartbeat: anyKind,
};
const schemas: ReadonlyMap<string, z.ZodType> = new Map(Object.entries(byKind));

/** What a table of the format has against these values; undefined when nothing. */
export function schemaProblem(values: Readonly<Record<string, WireValue>>): string | undefined {
  // Of an unknown version only the table of all links is known.
  const schema = (values[ATTR.version] === WIRE_VERSION && schemas.get(values[ATTR.kind] as string)) || anyKind;
  const result = schema.safeParse(values);
  if (result.success) return undefined;
  const issue = result.error.issues[0];
  const key = issue?.path.join('.') ?? '';
  return values[key] === undefined && !key.endsWith('parent') ? `'${key}' is missing` : `'${key}': ${issue?.message}`;
}

type Check = (value: unknown) => boolean;

/** The schemas that nearly every value of a link falls under, as plain functions: several times cheaper than parsing. */
const CHECKS: ReadonlyMap<unknown, Check> = new Map<unknown, Check>([
  [text, (value) => typeof value === 'string'],
  [hex64, (value) => typeof value === 'string' && HEX64.test(value)],
  [sessionId, (value) => typeof value === 'string' && HEX32.test(value)],
  [time, (value) => typeof value === 'string' && TIME.test(value)],
  [int, (value) => Number.isSafeInteger(value)],
  [positive, (value) => Number.isSafeInteger(value) && (value as number) > 0],
]);

interface Field {
  readonly key: string;
  readonly isOptional: boolean;
  readonly holds: Check;
}

/** Each table of covered fields alone; one with a rule over several of them is not among these. */
const fieldsByKind: ReadonlyMap<unknown, readonly Field[]> = new Map(
  Object.entries(byKind).flatMap(([kind, schema]) => (schema.def.checks?.length ? [] : [[kind, fieldsOf(schema)] as const])),
);

function fieldsOf(schema: z.ZodObject): readonly Field[] {
  const covered = Object.entries(schema.shape).filter(([key]) => key !== ATTR.hash);
  return covered.map(([key, field]) => {
    const isOptional = field instanceof z.ZodOptional;
    // A component is 64 hex in links of every kind, those of which no table speaks included: that is not looked at twice.
    const holds = factsOf(key).component ? () => true : checkOf(isOptional ? field.unwrap() : field);
    return { key, isOptional, holds };
  });
}

function checkOf(schema: unknown): Check {
  const known = CHECKS.get(schema);
  if (known !== undefined) return known;
  if (schema instanceof z.ZodEnum || schema instanceof z.ZodLiteral) {
    const values: ReadonlySet<unknown> = new Set(schema instanceof z.ZodEnum ? schema.options : schema.values);
    return (value) => values.has(value);
  }
  return (value) => (schema as z.ZodType).safeParse(value).success;
}

/**
 * Whether a table of the format has nothing against the covered values of a link whose components are digests, found without saying
 * what: false also where it
 * takes {@link schemaProblem} to tell.
 */
export function hasFields(values: Readonly<Record<string, AttributeValue>>): boolean {
  const fields = values[ATTR.version] === WIRE_VERSION ? fieldsByKind.get(values[ATTR.kind]) : undefined;
  if (fields === undefined) return false;
  for (const { key, isOptional, holds } of fields) {
    const value = values[key];
    if (value === undefined ? !isOptional : !holds(value)) return false;
  }
  return true;
}
