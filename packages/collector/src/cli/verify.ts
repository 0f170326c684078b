import type { Limits, Register } from '@agent-custody/chain';
import type { Command } from 'commander';
import { judgeFile } from '../handover/judge-file.js';
import { nodeHashing } from '../hashing.js';
import { readRegister } from '../register-file.js';
import { type SessionJson, sessionJson } from '../report-json.js';
import type { LoadedSettings } from '../settings/index.js';
import type { CutContent } from '../tempo/cut.js';
import { openFile } from '../verify/file-source.js';
import { type Judgement, type JudgeOptions, reportsOf } from '../verify/judge.js';
import { type AsOf, judgeLedger } from '../verify/ledger-source.js';
import { exitStatus } from '../verify/status.js';
import { UsageError } from './errors.js';
import { sessionId } from './flags.js';
import { withLedger } from './ledger.js';
import { addSettings, settingsFrom } from './options.js';
import { complain, printJson } from './output.js';
import { judgementText, type TextOptions } from './text.js';
import { judgeFromTempo, refuseTempoFlags, type TempoFlags } from './verify-tempo.js';

interface VerifyFlags extends TempoFlags {
  readonly file?: string;
  readonly json?: true;
}

const DESCRIPTION = `Verifies what is on record: recomputes every hash and digest of a ledger, a file
or a Tempo and judges each session anew. With --tempo and --ledger or
--collector both are compared link by link: what was deleted or edited in Tempo
is tempo_divergence.

Exit status: 0 all intact and complete (or open, unless --at-rest), 1 integrity
broken, 2 incomplete or nothing to verify, 3 authority deviated, 64 usage; of
several the gravest: 1 before 2 before 3.`;

/** `agent-custody verify`. */
export function addVerify(program: Command): void {
  const command = program
    .command('verify')
    .summary('verify a ledger, a Tempo or a file of OTLP/JSON requests')
    .description(DESCRIPTION)
    .option('--file <PATH>', 'a file of OTLP/JSON requests, one a line, instead of a ledger (- for standard input); judged at rest')
    .option('--tempo <URL>', 'the query API of a Tempo instead of a ledger, such as http://127.0.0.1:3200')
    .option('--session <ID>', 'print this session alone; all are read, of Tempo what belongs to it')
    .option('--since <DURATION>', 'of Tempo: sessions with a span in this time, such as 90m, 24h or 7d (default: 24h; with --session 14d)')
    .option('--org <TENANT>', "Tempo's tenant (X-Scope-OrgID)")
    .option('--collector <URL>', 'compare Tempo with what this collector has on record instead of a ledger')
    .option('--token <TOKEN>', 'its reader token; better by CUSTODY_TOKEN, which no process list shows')
    .option('--settle <SECONDS>', 'how long a link may take until it is found in Tempo; what is younger is not missed (default: 60)')
    .option(
      '--max-attribute-bytes <BYTES>',
      "what Tempo keeps of a value; content of that length was cut: not verified (default: Tempo's 2048)",
    )
    .option('--timeout <SECONDS>', 'how long Tempo may take for one answer (default: 30)')
    .option('--json', 'print an array of sessions as JSON')
    .option('--at-rest', 'judge as if all grace and idle limits had passed')
    .action((flags: VerifyFlags) => verify(flags, settingsFrom({ ...flags }, 'verify')));
  addSettings(command, 'verify');
}

async function verify(flags: VerifyFlags, settings: LoadedSettings): Promise<void> {
  if (flags.file !== undefined && flags.tempo !== undefined) {
    throw new UsageError('verify: --file and --tempo exclude each other; name one of them');
  }
  if (flags.tempo === undefined) refuseTempoFlags(flags);
  if (flags.file !== undefined && flags.ledger !== undefined) {
    throw new UsageError('verify: --file and --ledger exclude each other; name one of them');
  }
  if (flags.session !== undefined) sessionId(flags.session);
  const options = judgeOptions(settings);
  const { judgement, whole, cut } = await read(flags, settings, options);
  const printed = flags.session === undefined ? judgement : only(judgement, flags.session);
  const reports = reportsOf(printed);
  // Before anything is printed: a reader that goes away early ends the process.
  process.exitCode = exitStatus(reports, { atRest: flags.atRest ?? false, whole });
  if (flags.json) printJson(reports.map((report) => withCut(sessionJson(report), cut)));
  else process.stdout.write(judgementText(printed, { ...layout(), cut }));
}

/** What the store cut is named beside the findings, where there is any: it was not verified, and nothing is wrong with it. */
function withCut(session: SessionJson, cut: Read['cut']): SessionJson & { readonly not_verified?: readonly object[] } {
  const parts = cut?.get(session.session) ?? [];
  if (parts.length === 0) return session;
  return { ...session, not_verified: parts.map(({ seq, key, spanId }) => ({ seq, attribute: key, span_id: spanId, reason: 'cut' })) };
}

function read(flags: VerifyFlags, settings: LoadedSettings, options: JudgeOptions): Read | Promise<Read> {
  if (flags.tempo !== undefined) return fromTempo(flags, settings, options);
  return flags.file === undefined ? fromLedger(flags, settings, options) : fromFile(flags.file, options);
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
  /** Content that a store cut, by session. */
  readonly cut?: ReadonlyMap<string, readonly CutContent[]>;
}

async function fromTempo(flags: VerifyFlags, settings: LoadedSettings, options: JudgeOptions): Promise<Read> {
  const { judgement, cut, problems } = await judgeFromTempo(flags, settings, options);
  for (const problem of problems) complain(problem);
  return { judgement, whole: problems.length === 0, cut };
}

function fromLedger(flags: VerifyFlags, settings: LoadedSettings, options: JudgeOptions): Read {
  return withLedger(settings.ledger, 'a file with --file PATH', (ledger) => {
    const whole = ledger.dispositions().every(({ sound, entry }) => sound && entry !== undefined);
    if (!whole) complain('the record of removals was changed, or an entry was taken out of it: sessions may be missing that nobody pruned');
    return { judgement: judgeLedger(ledger, options, asOf(flags, settings)), whole };
  });
}

function asOf(flags: VerifyFlags, { places }: LoadedSettings): AsOf {
  if (flags.atRest) return { type: 'rest' };
  // Asked for on the command line; in variables and file they are the collector's own, which it has judged by already.
  const asked = [places.get('gapGrace'), places.get('sessionIdle')].some((place) => place?.startsWith('--'));
  return asked ? { type: 'now', nowMs: Date.now() } : { type: 'recorded' };
}

async function fromFile(path: string, options: JudgeOptions): Promise<Read> {
  const name = path === '-' ? 'standard input' : path;
  try {
    const { judgement, problems } = await judgeFile(path === '-' ? process.stdin : openFile(path), options);
    for (const { line, problem } of problems) complain(`${name}, line ${line}: ${problem}; the line is left out`);
    return { judgement, whole: problems.length === 0 };
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new UsageError(`--file ${name}: cannot be read: ${error.message}`, { cause: error });
  }
}

function only(judgement: Judgement, session: string): Judgement {
  return { sessions: judgement.sessions.filter((report) => report.session === session), atLarge: [] };
}
