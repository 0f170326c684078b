import { z } from 'zod';
import { ChainError } from './errors.js';

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex');
const instant = z.iso.datetime({ offset: true });

/** One approval of a state of an agent (SPEC.md, "Register of approved states"). Entries are withdrawn, never deleted. */
export const registerEntrySchema = z.strictObject({
  agent: z.string().min(1),
  /** A component that is not named is not judged. */
  components: z.record(z.string().regex(/^[a-z0-9_.]+$/), digest),
  by: z.string().min(1),
  ticket: z.string().min(1),
  from: instant,
  until: instant.nullable().default(null),
  withdrawn: instant.nullable().default(null),
});
export type RegisterEntry = z.infer<typeof registerEntrySchema>;

export const registerSchema = z.strictObject({
  version: z.literal(1),
  entries: z.array(registerEntrySchema),
});
export type Register = z.infer<typeof registerSchema>;

/**
 * Checks a parsed register file.
 *
 * @throws ChainError `invalid_register`, naming the path of what is wrong.
 * @example const register = parseRegister(JSON.parse(text));
 */
export function parseRegister(value: unknown): Register {
  const result = registerSchema.safeParse(value);
  if (result.success) return result.data;
  throw new ChainError('invalid_register', `the register of approved states is not valid: ${z.prettifyError(result.error)}`);
}

/** The entries that speak of `agent`, whether or not they are in force. */
export function entriesFor(register: Register | undefined, agent: string): readonly RegisterEntry[] {
  return register?.entries.filter((entry) => entry.agent === agent) ?? [];
}

/**
 * Whether an entry approves a state at a time: every component that it names and that is known has that digest, and the time lies
 * within `from` and `until` and before `withdrawn`.
 *
 * @param components the digests that are known; one that a hole in the chain hides is left out and not held against the state
 * @param timeNs the link's time, Unix nanoseconds, decimal
 */
export function approves(entry: RegisterEntry, components: Readonly<Record<string, string>>, timeNs: string, complete = true): boolean {
  const time = BigInt(timeNs);
  if (time < nanoseconds(entry.from)) return false;
  if (entry.until !== null && time > nanoseconds(entry.until)) return false;
  if (entry.withdrawn !== null && time >= nanoseconds(entry.withdrawn)) return false;
  return Object.entries(entry.components).every(([name, approved]) => {
    const seen = components[name];
    return seen === undefined ? !complete : seen === approved;
  });
}

function nanoseconds(instant: string): bigint {
  return BigInt(Date.parse(instant)) * 1_000_000n;
}
