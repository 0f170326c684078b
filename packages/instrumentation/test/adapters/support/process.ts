import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, vi } from 'vitest';

export const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url));
export const FIXTURES = join(PACKAGE, 'test/fixtures');
/** Where the frameworks are that tests run against, each in a folder of its own. */
export const FRAMEWORKS = join(PACKAGE, '../../test/frameworks');
export const AI5 = join(FRAMEWORKS, 'ai5');
export const AI7 = join(FRAMEWORKS, 'ai7');
export const REGISTER = join(PACKAGE, 'dist/register.js');

/** The node that applications run on: another one than the tests' own where that is asked for. */
export const NODE = process.env['CUSTODY_TEST_NODE'] ?? process.execPath;
/** One that packages which need Node 22 run on. */
export const NODE_22 =
  Number(process.versions.node.split('.')[0]) >= 22 || process.env['CUSTODY_TEST_NODE']
    ? NODE
    : join(FRAMEWORKS, 'node/node_modules/node-22/bin/node');
/** Preloads a guard that refuses the tool `VETO` and lets `APPROVE` wait. */
export const GUARDED = ['--import', REGISTER, '--import', join(FIXTURES, 'veto.mjs')];

export interface Launch {
  /** Of the collector. */
  readonly endpoint?: string;
  /** A folder of its own by default. */
  readonly spool?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Options of node's own; by default the preload. */
  readonly node?: readonly string[];
  readonly args?: readonly string[];
  /** The node itself, for what needs a newer one. */
  readonly program?: string;
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
vi.setConfig({ testTimeout: 180_000, hookTimeout: 240_000 });

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
  const program = options.program ?? NODE;
  const child = options.shell
    ? spawn('bash', ['-c', `${options.shell}; exec "$0" "$@"`, program, ...argv], { env })
    : spawn(program, argv, { env });
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

/** What a package says of itself, as it is installed in the folder of a framework, or beside our own. */
export function packageIn(
  folder: string,
  packageName: string,
): { readonly version: string; readonly engines?: { readonly node?: string } } {
  const places = [join(FRAMEWORKS, folder), join(PACKAGE, '../..')].map((place) =>
    join(place, 'node_modules', packageName, 'package.json'),
  );
  const path = places.find(existsSync);
  if (path === undefined)
    throw new Error(`${packageName} is not installed under test/frameworks/${folder}: run test/frameworks/install.js`);
  return JSON.parse(readFileSync(path, 'utf8')) as ReturnType<typeof packageIn>;
}
