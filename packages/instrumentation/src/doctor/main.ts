import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { isHealthy, type Row, tableOf } from './table.js';

const USAGE = `usage: agent-custody-instrumentation doctor [--import FILE]… [--require FILE]… [--json] APP.js

Loads the agent frameworks that the application reaches as the application would, has each run a tool of the doctor's own, and says
whether it was recorded. The application itself is not run. With --import or --require these set the instrumentation up, in place
of ${'@agent-custody/instrumentation/register'}.

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
  /** Node's options. */
  readonly preload: readonly string[];
}

/** A text: what to print instead. */
function read(args: readonly string[]): Asked | string {
  const options = { import: { type: 'string', multiple: true }, require: { type: 'string', short: 'r', multiple: true } } as const;
  const flags = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: { ...options, ...flags }, allowPositionals: true });
    if (values.help) return USAGE;
    const [command, app, ...rest] = positionals;
    if (command !== 'doctor' || app === undefined || rest.length > 0) return `${USAGE}\n`;
    const file = resolve(app);
    if (!existsSync(file)) return `${app}: there is no such file`;
    const preload = [
      ...(values.require ?? []).flatMap((one) => ['--require', one]),
      ...(values.import ?? []).flatMap((one) => ['--import', one.startsWith('.') ? pathToFileURL(resolve(one)).href : one]),
    ];
    const register = ['--import', new URL('../register.js', import.meta.url).href];
    return { file, json: values.json ?? false, preload: preload.length > 0 ? preload : register };
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`;
  }
}

/** In a process of its own: the hooks have to come before everything, as they do in the application's. */
function ask({ file, preload }: Asked): Promise<readonly Row[] | string> {
  const env = {
    ...process.env,
    CUSTODY_DURABILITY: 'memory',
    CUSTODY_QUIET: 'true',
    CUSTODY_STRICT: 'false',
    OTEL_TRACES_EXPORTER: 'none',
  };
  const child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [file], {
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
    child.once('exit', (code, signal) => done(`it ended with ${code ?? signal}`));
  });
}
