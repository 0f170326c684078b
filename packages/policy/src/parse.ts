import { Lexer, parseDocument } from 'yaml';
import type { z } from 'zod';
import { PolicyError } from './errors.js';
import { plainJson } from './plain-json.js';
import { duplicateId } from './rule-ids.js';
import { documentSchema, type PolicyDocument } from './schema.js';

/** A policy as it was parsed and checked; {@link compilePolicy} makes it decide. */
export interface Policy {
  /** Where it came from, for messages; no part of what is digested. */
  readonly file: string | undefined;
  readonly document: PolicyDocument;
}

/** Longest text of a policy, in characters. */
const MAX_TEXT = 1_000_000;

/**
 * Parses and checks a policy: the text of a JSON or YAML file, or the value that such a text stands for.
 *
 * @param options.file what messages call it
 * @throws PolicyError `not_readable`, `invalid_policy`, `duplicate_id`, naming file and path of everything that is wrong
 * @example parsePolicy('{ "allowed_tools": ["read_database"], "blocked_tools": ["send_email"] }', { file: 'policy.json' })
 */
export function parsePolicy(source: unknown, { file }: { readonly file?: string | undefined } = {}): Policy {
  const name = file ?? 'the policy';
  const value = plain(typeof source === 'string' ? read(source, name) : source, name);
  const result = documentSchema.safeParse(value);
  if (!result.success) throw new PolicyError('invalid_policy', problems(result.error, name), { cause: result.error });
  const twice = duplicateId(result.data);
  if (twice !== undefined) {
    throw new PolicyError(
      'duplicate_id',
      `${name}: ${twice.path}: the id ${twice.id} is used before: decisions name it, so give each its own`,
    );
  }
  return { file, document: result.data };
}

/** JSON is YAML, so one reader serves both; it refuses a key that occurs twice, which JSON.parse does not. */
function read(source: string, name: string): unknown {
  if (source.length > MAX_TEXT)
    throw new PolicyError('not_readable', `${name}: is longer than ${MAX_TEXT} characters: split it into files`);
  if (isTooDeep(source)) throw new PolicyError('not_readable', `${name}: is nested deeper than a policy can be`);
  const document = parseDocument(source, { prettyErrors: true, stringKeys: true });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const [place] = problem.linePos ?? [];
    const where = place === undefined ? '' : `line ${place.line}, column ${place.col}: `;
    throw new PolicyError('not_readable', `${name}: ${where}neither JSON nor YAML: ${problem.message.split(/ at line |\n/)[0]}`, {
      cause: problem,
    });
  }
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new PolicyError('not_readable', `${name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Nesting of brackets, of dashes on one line, and, in columns, of lines: about as deep as {@link plainJson} takes. */
const MAX_BRACKETS = 64;
const MANY_DASHES = /^(?:[ \t]*[-?:][ \t]+){65}/m;
const FAR_RIGHT = /^ {641}/m;

/** The parser recurses: a file that exhausts the stack must not take down the agents whose policy it was to be. The lexer does not. */
function isTooDeep(source: string): boolean {
  if (MANY_DASHES.test(source) || FAR_RIGHT.test(source)) return true;
  let depth = 0;
  for (const token of new Lexer().lex(source)) {
    if (token === '[' || token === '{') depth++;
    else if (token === ']' || token === '}') depth--;
    if (depth > MAX_BRACKETS) return true;
  }
  return false;
}

function plain(value: unknown, name: string): unknown {
  const copy = plainJson(value);
  if (copy.ok) return copy.value;
  throw new PolicyError('not_readable', `${name}: ${copy.path === '' ? 'the top' : copy.path}: ${copy.problem}`);
}

function problems(error: z.ZodError, name: string): string {
  return error.issues.map((issue) => `${name}: ${pathOf(issue.path)}: ${issue.message}`).join('\n');
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'the top' : path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/**
 * What is digested as the fingerprint's component `policy`: the policy in force, as parsed. Formatting, comments, file names and the
 * order of keys are no part of it; what is left out and its default are the same. Several files: an array, in their order.
 *
 * @returns a JSON value, for `fingerprintDigest('policy', value, hashing)`
 */
export function policyValue(policies: Policy | readonly Policy[]): unknown {
  const list = Array.isArray(policies) ? (policies as readonly Policy[]) : [policies as Policy];
  return list.length === 1 ? list[0]?.document : list.map(({ document }) => document);
}
