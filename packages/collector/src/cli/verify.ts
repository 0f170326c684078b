import { type Limits, type Register, readSpan } from '@agent-custody/chain';
import { type Command, Option } from 'commander';
import { nodeHashing } from '../hashing.js';
import { readRegister } from '../register-file.js';
import { sessionJson } from '../report-json.js';
import type { LoadedSettings } from '../settings/index.js';
import { openFile, readRequests } from '../verify/file-source.js';
import { Judge, type Judgement, type JudgeOptions, reportsOf } from '../verify/judge.js';
import { type AsOf, judgeLedger } from '../verify/ledger-source.js';
import { exitStatus } from '../verify/status.js';
import { UsageError } from './errors.js';
import { withLedger } from './ledger.js';
import { addSettings, settingsFrom } from './options.js';
import { complain } from './output.js';
import { judgementText, type TextOptions } from './text.js';

interface VerifyFlags {
  readonly file?: string;
  readonly session?: string;
  readonly json?: true;
  readonly atRest?: true;
  readonly tempo?: string;
  readonly ledger?: string;
}

const DESCRIPTION = `Verifies what is on record: recomputes every hash and digest of a ledger or a
file and judges each session anew.

Exit status: 0 all intact and complete (or open, unless --at-rest), 1 integrity
broken, 2 incomplete or nothing to verify, 3 authority deviated, 64 usage; of
several the gravest: 1 before 2 before 3.`;

/** `agent-custody verify`. */
export function addVerify(program: Command): void {
  const command = program
    .command('verify')
    .summary('verify a ledger or a file of OTLP/JSON requests')
    .description(DESCRIPTION)
    .option('--file <PATH>', 'a file of OTLP/JSON requests, one a line, instead of a ledger (- for standard input); judged at rest')
    .option('--session <ID>', 'print this session alone; all are read')
    .option('--json', 'print an array of sessions as JSON')
    .option('--at-rest', 'judge as if all grace and idle limits had passed')
    .addOption(new Option('--tempo <URL>').hideHelp())
    .action((flags: VerifyFlags) => verify(flags, settingsFrom({ ...flags }, 'verify')));
  addSettings(command, 'verify');
}

async function verify(flags: VerifyFlags, settings: LoadedSettings): Promise<void> {
  if (flags.tempo !== undefined) {
    throw new UsageError(
      'verify --tempo: this release does not read from Tempo, which is a view and cuts what it stores; verify the evidence itself with --ledger PATH or --file PATH',
    );
  }
  if (flags.file !== undefined && flags.ledger !== undefined) {
    throw new UsageError('verify: --file and --ledger exclude each other; name one of them');
  }
  if (flags.session !== undefined && !/^[0-9a-f]{32}$/.test(flags.session)) {
    throw new UsageError('--session: a session id is 32 lower-case hex');
  }
  const options = judgeOptions(settings);
  const { judgement, whole } = flags.file === undefined ? fromLedger(flags, settings, options) : await fromFile(flags.file, options);
  const printed = flags.session === undefined ? judgement : only(judgement, flags.session);
  const reports = reportsOf(printed);
  // Before anything is printed: a reader that goes away early ends the process.
  process.exitCode = exitStatus(reports, { atRest: flags.atRest ?? false, whole });
  if (flags.json) process.stdout.write(`${JSON.stringify(reports.map(sessionJson), null, 2)}\n`);
  else process.stdout.write(judgementText(printed, layout()));
}

function layout(): TextOptions {
  return { colour: process.stdout.hasColors?.() ?? false, width: Math.min(process.stdout.columns || 80, 100) };
}

function judgeOptions(settings: LoadedSettings): JudgeOptions {
  const limits: Partial<Limits> = { gapGraceMs: settings.gapGrace * 1000, sessionIdleMs: settings.sessionIdle * 1000 };
  const register: Register | undefined = settings.register === undefined ? undefined : readRegister(settings.register);
  return { limits, register, hashing: nodeHashing };
}

interface Read {
  readonly judgement: Judgement;
  /** Everything that was there could be read. */
  readonly whole: boolean;
}

function fromLedger(flags: VerifyFlags, settings: LoadedSettings, options: JudgeOptions): Read {
  const judgement = withLedger(settings.ledger, 'a file with --file PATH', (ledger) => judgeLedger(ledger, options, asOf(flags, settings)));
  return { judgement, whole: true };
}

function asOf(flags: VerifyFlags, { places }: LoadedSettings): AsOf {
  if (flags.atRest) return { type: 'rest' };
  // Asked for on the command line; in variables and file they are the collector's own, which it has judged by already.
  const asked = [places.get('gapGrace'), places.get('sessionIdle')].some((place) => place?.startsWith('--'));
  return asked ? { type: 'now', nowMs: Date.now() } : { type: 'recorded' };
}

/** A file is judged at rest: nothing more will arrive in it (SPEC.md, "Findings", defaults). */
async function fromFile(path: string, options: JudgeOptions): Promise<Read> {
  const name = path === '-' ? 'standard input' : path;
  const judge = new Judge(options);
  let whole = true;
  try {
    for await (const read of readRequests(path === '-' ? process.stdin : openFile(path))) {
      if (read.type === 'problem') {
        whole = false;
        complain(`${name}, line ${read.line}: ${read.problem}; the line is left out`);
      } else for (const view of read.spans) judge.take(readSpan(view, options.hashing), 0);
    }
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new UsageError(`--file ${name}: cannot be read: ${error.message}`, { cause: error });
  }
  return { judgement: judge.conclude(Number.POSITIVE_INFINITY), whole };
}

function only(judgement: Judgement, session: string): Judgement {
  return { sessions: judgement.sessions.filter((report) => report.session === session), atLarge: [] };
}
