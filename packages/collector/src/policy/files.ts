import { readFileSync } from 'node:fs';
import { type Policy, parsePolicy } from '@agent-custody/policy';

/** A policy file that cannot be read at all; what it says is a PolicyError. */
export class PolicyFileError extends Error {
  override readonly name = 'PolicyFileError';
  readonly code = 'unreadable';
}

/**
 * Reads and checks one policy file.
 *
 * @throws PolicyFileError, PolicyError
 */
export function readPolicy(path: string): Policy {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    throw new PolicyFileError(`${path}: the policy cannot be read: ${(error as Error).message}`, { cause: error });
  }
  return parsePolicy(text, { file: path });
}
