import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, vi } from 'vitest';

const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url));
export const FIXTURES = join(PACKAGE, 'test/fixtures');
export const AI5 = join(PACKAGE, '../../test/frameworks/ai5');
export const REGISTER = join(PACKAGE, 'dist/register.js');

export interface Launch {
  /** Of the collector. */
  readonly endpoint?: string;
  /** A folder of its own by default. */
  readonly spool?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Options of node's own; by default the preload. */
  readonly node?: readonly string[];
  readonly args?: readonly string[];
  /** A command that runs in the shell before node takes its place, such as `ulimit -f 8`. */
  readonly shell?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves when standard output holds `text`. */
  says(text: string): Promise<void>;
  readonly ended: Promise<Ended>;
}

// A start of node with a framework takes half a second on an idle machine, and a machine that runs tests is not idle.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const undo: (() => void)[] = [];
afterAll(() => {
  for (const step of undo.splice(0).reverse()) step();
});

/** A folder that goes with the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'agent-custody-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts an application in a process of its own, with the built package preloaded. */
export function launch(file: string, options: Launch = {}): Running {
  const { endpoint = 'http://127.0.0.1:9', spool = temporaryFolder(), node = ['--import', REGISTER], args = [] } = options;
  const inherited = Object.entries(process.env).filter(([name]) => !/^(OTEL|CUSTODY|NODE_OPTIONS|VITEST|NODE_ENV)/.test(name));
  const env = {
    ...Object.fromEntries(inherited),
    OTEL_TRACES_EXPORTER: 'none',
    CUSTODY_ENDPOINT: endpoint,
    CUSTODY_SPOOL: spool,
    CUSTODY_AGENT_ID: 'bot',
    ...options.env,
  };
  const argv = [...node, file, ...args];
  const child = options.shell
    ? spawn('bash', ['-c', `${options.shell}; exec "$0" "$@"`, process.execPath, ...argv], { env })
    : spawn(process.execPath, argv, { env });
  undo.push(() => child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  child.stdout.on('data', (chunk) => {
    stdout += String(chunk);
    for (const listener of listeners) listener();
  });
  const ended = new Promise<Ended>((resolve) => child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })));
  const says = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        if (stdout.includes(text)) resolve();
      };
      listeners.add(check);
      check();
      void ended.then(() => reject(new Error(`${file} ended before it said '${text}'\n${stdout}\n${stderr}`)));
    });
  return { child, says, ended };
}

/** Runs an application to its end, which must be a good one. */
export async function runToEnd(file: string, options: Launch = {}): Promise<Ended> {
  const ended = await launch(file, options).ended;
  if (ended.code !== 0) throw new Error(`${file} ended with ${ended.code ?? ended.signal}\n${ended.stdout}\n${ended.stderr}`);
  return ended;
}
