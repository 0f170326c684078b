import { z } from 'zod';
import { pointerTokens } from '../pointer.js';
import { list, text } from '../schema-parts.js';
import { compileExpression } from './expression.js';
import { hostEntry } from './host.js';
import { isRoot } from './path.js';

const TESTS = ['present', 'equals', 'one_of', 'prefix', 'matches', 'at_least', 'at_most', 'above', 'below', 'hosts', 'inside'] as const;
const BOUNDS: readonly string[] = ['at_least', 'at_most', 'above', 'below'];

/** One condition on the arguments of a call: a test of one argument, or other conditions joined (README, "Conditions"). */
export interface Condition {
  readonly argument?: string | undefined;
  readonly items?: 'some' | 'every' | undefined;
  readonly present?: boolean | undefined;
  readonly equals?: unknown;
  readonly one_of?: readonly unknown[] | undefined;
  readonly prefix?: readonly string[] | undefined;
  readonly matches?: string | undefined;
  readonly at_least?: number | undefined;
  readonly at_most?: number | undefined;
  readonly above?: number | undefined;
  readonly below?: number | undefined;
  readonly hosts?: readonly string[] | undefined;
  readonly inside?: readonly string[] | undefined;
  readonly base?: string | undefined;
  readonly all?: readonly Condition[] | undefined;
  readonly any?: readonly Condition[] | undefined;
  readonly not?: Condition | undefined;
}

const root = text(1024).refine(isRoot, 'expected an absolute path with forward slashes, such as /srv/data');
const nested = z.lazy((): z.ZodType<Condition> => conditionSchema);

export const conditionSchema: z.ZodType<Condition> = z
  .strictObject({
    argument: z
      .string()
      .max(1024)
      .refine((pointer) => pointerTokens(pointer) !== undefined, "expected a JSON Pointer (RFC 6901), such as /to/0 ('' is all of it)")
      .optional(),
    items: z.enum(['some', 'every']).optional(),
    present: z.boolean().optional(),
    equals: z.json().optional(),
    one_of: z.array(z.json()).min(1).max(10_000).optional(),
    prefix: list(text(1024)).optional(),
    matches: text(1024)
      .superRefine((source, context) => {
        const compiled = compileExpression(source);
        if (typeof compiled === 'string') context.addIssue({ code: 'custom', message: `not an RE2 expression: ${compiled}` });
      })
      .optional(),
    at_least: z.number().optional(),
    at_most: z.number().optional(),
    above: z.number().optional(),
    below: z.number().optional(),
    hosts: list(
      text(300).refine(
        (entry) => hostEntry(entry) !== undefined,
        'expected a host: api.example.com, *.example.com or [::1], with :PORT or :* if need be; no scheme, no path',
      ),
    ).optional(),
    inside: list(root).optional(),
    base: root.optional(),
    all: z.array(nested).min(1).max(100).optional(),
    any: z.array(nested).min(1).max(100).optional(),
    not: nested.optional(),
  })
  .superRefine((condition, context) => {
    const problem = problemOf(condition);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

function problemOf(condition: Condition): string | undefined {
  const joins = (['all', 'any', 'not'] as const).filter((key) => condition[key] !== undefined);
  const tests = TESTS.filter((key) => condition[key] !== undefined);
  if (joins.length > 0) {
    return joins.length + tests.length === 1 && condition.argument === undefined
      ? undefined
      : 'all, any and not stand alone: put what belongs beside them into another condition of the list';
  }
  if (condition.argument === undefined) return 'argument is missing: name what is tested by a JSON Pointer, such as argument: /to';
  const bounds = tests.filter((key) => BOUNDS.includes(key)).length;
  if (tests.length === 0) return `a test is missing: one of ${TESTS.join(', ')}`;
  if (tests.length > 1 && bounds < tests.length) {
    return `${tests.join(' and ')} are two tests: write a condition for each (all in one list must hold)`;
  }
  if (condition.base !== undefined && condition.inside === undefined) return 'base belongs to inside';
  if (condition.items !== undefined && condition.present !== undefined) return 'items does not go with present';
  return undefined;
}
