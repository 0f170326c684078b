import { fork } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { isHealthy, type Row, tableOf } from './table.js';

const USAGE = `usage: agent-custody-instrumentation doctor [--import FILE]… [--require FILE]… [--bundle FOLDER]… [--json] APP.js

Loads the agent frameworks that the application reaches as the application would, has each run a tool of the doctor's own, and says
whether it was recorded. The application itself is not run; a folder stands for the file that Node would start in it. With --import or
--require these set the instrumentation up, in place of ${'@agent-custody/instrumentation/register'}. With --bundle the files in
that folder are looked through for frameworks inside bundles; for an application of Next those in .next/server.

exit status: 0 every framework is armed; 1 one is not, or could not be tried; 64 usage`;

const USAGE_STATUS = 64;

/**
 * The command. Answers its exit status.
 *
 * @example process.exitCode = await main(['doctor', 'app.js'])
 */
export async function main(args: readonly string[], print: (line: string) => void = console.log): Promise<number> {
  const asked = read(args);
  if (typeof asked === 'string') {
    print(asked);
    return asked === USAGE ? 0 : USAGE_STATUS;
  }
  const answer = await ask(asked);
  if (typeof answer === 'string') {
    print(`the frameworks could not be examined: ${answer}`);
    return 1;
  }
  if (asked.json) print(JSON.stringify(answer));
  else print(answer.length === 0 ? `no agent framework that is known here is reached from ${asked.file}` : tableOf(answer));
  return isHealthy(answer) ? 0 : 1;
}

interface Asked {
  readonly file: string;
  readonly json: boolean;
  /** Folders of what a bundler made of the application. */
  readonly bundles: readonly string[];
  /** Node's options. */
  readonly preload: readonly string[];
}

/** A text: what to print instead. */
function read(args: readonly string[]): Asked | string {
  const options = { import: { type: 'string', multiple: true }, require: { type: 'string', short: 'r', multiple: true } } as const;
  const bundle = { bundle: { type: 'string', multiple: true } } as const;
  const flags = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: { ...options, ...bundle, ...flags }, allowPositionals: true });
    if (values.help) return USAGE;
    const [command, app, ...rest] = positionals;
    if (command !== 'doctor' || app === undefined || rest.length > 0) return `${USAGE}\n`;
    const absent = [app, ...(values.bundle ?? [])].find((path) => !existsSync(path));
    if (absent !== undefined) return `${absent}: there is no such file`;
    const file = startOf(resolve(app));
    if (file === undefined) return `${app}: nothing in this folder says what to start: name the application's file`;
    const bundles = (values.bundle ?? []).map((folder) => resolve(folder));
    const noFolder = bundles.find((path) => !statSync(path).isDirectory());
    if (noFolder !== undefined) return `--bundle ${noFolder}: this is no folder`;
    const preload = [
      ...(values.require ?? []).flatMap((one) => ['--require', one]),
      ...(values.import ?? []).flatMap((one) => ['--import', one.startsWith('.') ? pathToFileURL(resolve(one)).href : one]),
    ];
    const register = ['--import', new URL('../register.js', import.meta.url).href];
    return { file, json: values.json ?? false, bundles, preload: preload.length > 0 ? preload : register };
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`;
  }
}

/** As `node FOLDER` would; an application without such a file, as Next's are, is what its package.json says. */
function startOf(path: string): string | undefined {
  if (!statSync(path).isDirectory()) return path;
  const manifest = join(path, 'package.json');
  try {
    return createRequire(manifest).resolve(path);
  } catch {
    return existsSync(manifest) ? manifest : undefined;
  }
}

/** In a process of its own: the hooks have to come before everything, as they do in the application's. */
function ask({ file, preload, bundles }: Asked): Promise<readonly Row[] | string> {
  const env = {
    ...process.env,
    CUSTODY_DURABILITY: 'memory',
    CUSTODY_QUIET: 'true',
    CUSTODY_STRICT: 'false',
    OTEL_TRACES_EXPORTER: 'none',
  };
  const child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [file, ...bundles], {
    cwd: dirname(file),
    env,
    execArgv: [...preload, '--experimental-import-meta-resolve', '--no-warnings'],
    // What frameworks say while they are loaded is not the doctor's answer.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((done) => {
    child.once('message', (message: { readonly rows?: readonly Row[]; readonly error?: string }) =>
      done(message.rows ?? String(message.error)),
    );
    child.once('error', (error) => done(error.message));
    child.once('exit', (code, signal) => done(endOf(code ?? signal)));
  });
}

/** Node's own status for a promise that is awaited and never settles. */
const UNSETTLED = 13;

function endOf(status: number | NodeJS.Signals | null): string {
  const hint = status === UNSETTLED ? 'what is preloaded awaits something that never comes' : 'what it said is above';
  return `the process that was to do it ended with ${status} before it had an answer; ${hint}`;
}
