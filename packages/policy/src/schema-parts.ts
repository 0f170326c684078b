import { z } from 'zod';
import { durationMs } from './duration.js';
import { patternSteps } from './pattern.js';

// What the parts of the policy's schema have in common.

export function text(max: number): z.ZodString {
  return z.string().min(1).max(max);
}

/** One, or a list of them: always a list once parsed. */
export function list<T extends z.ZodType>(item: T): z.ZodPreprocess<z.ZodArray<T>> {
  return z.preprocess((value) => (Array.isArray(value) || value === undefined ? value : [value]), z.array(item).min(1).max(1000));
}

export const pattern = text(256).refine(
  (source) => patternSteps(source) !== undefined,
  'ends in a lone backslash: write \\\\ for a backslash of the name',
);

export const duration = z.string().transform((source, context) => {
  const ms = durationMs(source);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: 'expected a duration up to 31d, such as 90s, 15m, 1h or 7d' });
  return z.NEVER;
});

export const mode = z.enum(['enforce', 'observe']);

/** Not a name that decisions use for themselves, and nothing that a terminal or a URL would take for something else. */
export const id = text(128)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, 'expected letters, digits and . _ / -')
  .refine((name) => name !== 'default' && name !== 'observe' && name !== 'none', 'is reserved: choose another id');
