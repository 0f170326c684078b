import { spawnSync } from 'node:child_process';

/** Programs of Debian's that tests run, with the package that each comes in. */
const PACKAGES = {
  promtool: 'prometheus',
  prometheus: 'prometheus',
  amtool: 'prometheus-alertmanager',
  'prometheus-alertmanager': 'prometheus-alertmanager',
  'docker-compose': 'docker-compose',
} as const;

export type Program = keyof typeof PACKAGES;

/** Runs a program to its end, in a folder. @returns its status and all that it printed */
export function runProgram(
  program: Program,
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr, error } = spawnSync(program, args, { ...options, encoding: 'utf8' });
  if (error !== undefined) throw missing(program, error);
  return { status, output: stdout + stderr };
}

/** @throws when a program is not there, with the line that installs it */
export function requireProgram(program: Program): Program {
  const { error } = spawnSync(program, ['--version'], { stdio: 'ignore' });
  if (error !== undefined) throw missing(program, error);
  return program;
}

function missing(program: Program, cause: Error): Error {
  return new Error(`${program} cannot be run (${cause.message}): apt-get install --no-install-recommends ${PACKAGES[program]}`, { cause });
}
