import { compilePolicy, lintPolicy, type Policy, PolicyError } from '@agent-custody/policy';
import { type Command, Option } from 'commander';
import { nodeHashing } from '../hashing.js';
import type { Ledger } from '../ledger/index.js';
import { PolicyFileError, readPolicy } from '../policy/files.js';
import { processesOf } from '../policy/order.js';
import { headOf, recordedSession, sessionHeads } from '../policy/recorded.js';
import { Replay, type ReplayedSession } from '../policy/replay.js';
import { replayJson, replayText } from '../policy/replay-text.js';
import { printable } from '../printable.js';
import { EXIT } from '../verify/status.js';
import { CommandError, UsageError } from './errors.js';
import { withLedger } from './ledger.js';
import { complain } from './output.js';

interface CheckFlags {
  readonly ledger?: string;
}

interface ReplayFlags {
  readonly ledger?: string;
  readonly session?: string;
  readonly json?: true;
}

const CHECK = `Checks policy files and notes what their author probably did not mean: rules that
never decide, names that look alike, tests that let through more than they seem
to; with --ledger also patterns that match no tool of the recorded sessions, and
recorded tools that nothing names.

Exit status: 0 nothing to note, 1 something to note or a file that is no policy,
64 usage.`;

const REPLAY = `Tells what these policy files would have decided on recorded sessions, beside what
was decided then: calls, the agents that they started, and how they ended, in the
order in which they happened, counted for each process by itself as an agent does.
The policy that was in force gives what was decided. Conditions on arguments need
arguments on record (CUSTODY_CAPTURE of the agent); without them an action is
undecided, never guessed. What else the record does not tell is said with each
session; sessions that the ledger never held, or holds no more, are not counted.

Exit status: 0 replayed, 2 nothing to replay, 64 usage or a file that is no policy.`;

/** `agent-custody policy check` and `policy replay`. */
export function addPolicy(program: Command): void {
  const policy = program.command('policy').summary('check policy files, or replay them on recorded sessions').description('Policy files.');
  policy
    .command('check')
    .summary('check policy files')
    .description(CHECK)
    .argument('<FILE...>', 'policy files that are in force together')
    .option('--ledger <PATH>', 'compare patterns with the tools of the sessions in this ledger')
    .action(check);
  policy
    .command('replay')
    .summary('what policy files would have decided on recorded sessions')
    .description(REPLAY)
    .argument('<FILE...>', 'policy files that are in force together')
    .addOption(new Option('--ledger <PATH>', 'the ledger (default: $XDG_STATE_HOME/agent-custody/ledger.db)').env('CUSTODY_LEDGER'))
    .option('--session <ID>', 'this session alone, from an empty state')
    .option('--json', 'print an array of sessions as JSON')
    .action(replay);
}

function check(files: readonly string[], { ledger }: CheckFlags): void {
  const problems: string[] = [];
  const policies = files.flatMap((file) => checked(file, problems));
  if (policies.length === files.length) problems.push(...told(() => compilePolicy(policies)));
  const tools = ledger === undefined ? undefined : recordedTools(ledger);
  for (const policy of policies) {
    for (const { path, message, code } of lintPolicy(policy, { tools })) problems.push(`${policy.file}: ${path}: ${message} [${code}]`);
  }
  process.exitCode = problems.length === 0 ? EXIT.ok : 1;
  const lines = problems.length === 0 ? files.map((file) => `${file}: nothing to note`) : problems;
  process.stdout.write(`${lines.map(printable).join('\n')}\n`);
}

function checked(file: string, problems: string[]): Policy[] {
  const policies: Policy[] = [];
  problems.push(...told(() => policies.push(read(file))));
  return policies;
}

/** The lines of what is wrong with a policy; whatever else goes wrong is thrown on. */
function told(work: () => unknown): readonly string[] {
  try {
    work();
    return [];
  } catch (error) {
    if (error instanceof PolicyError) return error.message.split('\n');
    throw error;
  }
}

function read(file: string): Policy {
  try {
    return readPolicy(file);
  } catch (error) {
    if (error instanceof PolicyFileError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function recordedTools(path: string): readonly string[] {
  return withLedger(path, 'leave --ledger out', (ledger) => {
    const tools = new Set<string>();
    for (const { session } of sessionHeads(ledger, nodeHashing)) {
      for (const event of recordedSession(ledger, session, nodeHashing).events) if (event.type === 'action') tools.add(event.tool);
    }
    return [...tools].sort();
  });
}

function replay(files: readonly string[], { ledger, session, json }: ReplayFlags): void {
  if (session !== undefined && !/^[0-9a-f]{32}$/.test(session)) throw new UsageError('--session: a session id is 32 lower-case hex');
  const replaying = replayOf(files);
  withLedger(ledger, 'set CUSTODY_LEDGER', (opened) => {
    print(sessions(replaying, opened, session), json ?? false);
  });
}

function replayOf(files: readonly string[]): Replay {
  try {
    return new Replay(files.map(read), nodeHashing);
  } catch (error) {
    if (error instanceof PolicyError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

function* sessions(replaying: Replay, ledger: Ledger, only: string | undefined): Generator<ReplayedSession> {
  const heads = only === undefined ? sessionHeads(ledger, nodeHashing) : [headOf(ledger, only, nodeHashing) ?? []].flat();
  const read = (session: string) => {
    const recorded = recordedSession(ledger, session, nodeHashing);
    if (recorded.unsound > 0)
      complain(`session ${session}: ${recorded.unsound} links do not recompute and are left out; see \`agent-custody verify\``);
    return recorded;
  };
  const processes = processesOf(heads);
  for (const process of processes) yield* replaying.process(process, read, only !== undefined);
  if (replaying.countsAcross && processes.length > 1)
    complain(`the record is of ${processes.length} processes, and what is counted over sessions was counted for each by itself`);
}

/** As it goes: a ledger may hold more than fits into memory. */
function print(sessions: Iterable<ReplayedSession>, json: boolean): void {
  let printed = 0;
  for (const replayed of sessions) {
    if (replayed.actions.length + replayed.spawns.length === 0) continue;
    const text = json
      ? `${printed === 0 ? '[\n' : ',\n'}${JSON.stringify(replayJson(replayed), null, 2)}`
      : `${printed === 0 ? '' : '\n'}${replayText(replayed)}`;
    process.stdout.write(text);
    printed++;
  }
  if (json) process.stdout.write(printed === 0 ? '[]\n' : '\n]\n');
  if (printed === 0) throw new CommandError(EXIT.incomplete, 'there is nothing to replay: no action of any such session is on record');
}
