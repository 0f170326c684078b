import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const COMMAND = path('../packages/collector/bin/agent-custody.js');

/** The environment without settings of the machine that the tests run on. */
export function cleanEnv(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CUSTODY|OTEL)_/.test(name))), ...more };
}

/** A child process whose lines can be waited for. */
export class Running {
  readonly lines: string[] = [];
  private readonly waiting = new Set<() => void>();
  readonly closed: Promise<unknown>;

  constructor(private readonly child: ChildProcessWithoutNullStreams) {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push(line);
        for (const look of this.waiting) look();
      });
    }
    this.closed = once(child, 'close');
    void this.closed.then(() => {
      for (const look of this.waiting) look();
    });
  }

  /** Resolves with the first line that matches, seen or to come. @throws when the process ends without one */
  line(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.lines.find((line) => pattern.test(line));
        if (found === undefined && this.child.exitCode === null && this.child.signalCode === null) return;
        this.waiting.delete(look);
        if (found === undefined) reject(new Error(`the process ended without a line like ${pattern}:\n${this.lines.join('\n')}`));
        else resolve(found);
      };
      this.waiting.add(look);
      look();
    });
  }

  tell(text: string): void {
    this.child.stdin.write(`${text}\n`);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.closed;
  }

  get status(): number | null {
    return this.child.exitCode;
  }

  get signal(): NodeJS.Signals | null {
    return this.child.signalCode;
  }
}

/** Starts `agent-custody collect` and waits until it listens. */
export async function startCollector(args: readonly string[]): Promise<{ readonly process: Running; readonly url: string }> {
  const running = new Running(spawn(process.execPath, [COMMAND, 'collect', ...args], { env: cleanEnv({}) }));
  const line = await running.line(/listening/);
  const url = /https?:\/\/[^\s"]+/.exec(line)?.[0];
  if (url === undefined) throw new Error(`no address in: ${line}`);
  return { process: running, url };
}

/** Starts one of `agents/` under `--import @agent-custody/instrumentation/register`. */
export function startAgent(name: string, env: Readonly<Record<string, string>>, ...args: readonly string[]): Running {
  const register = ['--import', '@agent-custody/instrumentation/register'];
  return new Running(spawn(process.execPath, [...register, path(`agents/${name}.mjs`), ...args], { env: cleanEnv(env) }));
}

/** Starts the clerk, which does what its act says. */
export function startClerk(act: string, env: Readonly<Record<string, string>>): Running {
  return startAgent('clerk', env, act);
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Runs `agent-custody` to its end. */
export async function runCommand(args: readonly string[]): Promise<{ readonly status: number | null; readonly stdout: string }> {
  const child = spawn(process.execPath, [COMMAND, ...args], { env: cleanEnv({}), stdio: ['ignore', 'pipe', 'inherit'] });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  await once(child, 'close');
  return { status: child.exitCode, stdout: Buffer.concat(parts).toString() };
}
