import { RE2JS } from 're2js';

/** Instructions of a compiled expression at the most: with the bound on texts, what one match can cost. */
const MAX_PROGRAM = 500;

/** An expression that matches a whole text, in time linear in its length (RE2). */
export interface Expression {
  matches(text: string): boolean;
}

/**
 * Compiles an RE2 expression. It must match the whole text, since a partial match lets `https://good.example` through in
 * `https://evil.example/?https://good.example`; and `.` matches line breaks, since a newline must be no way round `.*rm -rf.*`.
 *
 * @returns what is wrong with it, when something is
 */
export function compileExpression(source: string): Expression | string {
  try {
    const compiled = RE2JS.compile(source, RE2JS.DOTALL);
    if (compiled.programSize() > MAX_PROGRAM) return 'too large: write smaller repetitions';
    return { matches: (text) => compiled.testExact(text) };
  } catch (error) {
    return error instanceof Error ? error.message : 'not a regular expression';
  }
}
