import { writeFileSync } from 'node:fs';
import { printableJson, printableLines } from '../printable.js';
import { UsageError } from './errors.js';

/** Says on standard error what is wrong. */
export function complain(message: string): void {
  process.stderr.write(`agent-custody: ${printableLines(message)}\n`);
}

/**
 * Writes the file of `--out`. It may hold what sessions disclosed: for its owner's eyes until it is handed over.
 *
 * @param flag `wx` for one that must not be there yet
 * @throws UsageError
 */
export function writeOut(path: string, text: string, flag: 'w' | 'wx'): void {
  try {
    writeFileSync(path, text, { flag, mode: 0o600 });
  } catch (error) {
    throw new UsageError(`--out ${path}: cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

/** Prints JSON. What a terminal would act on stands in it as an escape of JSON: it says the same to whoever parses it. */
export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(JSON.stringify(value, null, 2))}\n`);
}
