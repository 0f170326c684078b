import type { RegisterEntry } from '@agent-custody/chain';
import type { Command } from 'commander';
import { addEntries, type NumberedEntry, withdrawEntries } from '../approve/entries.js';
import { evidenceFromCollector, evidenceFromLedger, type SessionEvidence } from '../approve/evidence.js';
import { approvable, statesOf } from '../approve/states.js';
import { nodeHashing } from '../hashing.js';
import { printable } from '../printable.js';
import { changeRegister } from '../register-file.js';
import type { LoadedSettings } from '../settings/index.js';
import { EXIT } from '../verify/status.js';
import { CommandError, UsageError } from './errors.js';
import { asking, collectorAddress, instantMs, required, sessionId } from './flags.js';
import { withLedger } from './ledger.js';
import { addSettings, settingsFrom } from './options.js';
import { complain } from './output.js';

interface ApproveFlags {
  readonly session?: string;
  readonly by?: string;
  readonly ticket?: string;
  readonly until?: string;
  readonly pinMemory?: true;
  readonly withdraw?: true;
  readonly entry?: string;
  readonly collector?: string;
  readonly token?: string;
  readonly ledger?: string;
}

const DESCRIPTION = `Writes the states that a session went through into the register of approved
states, or withdraws entries of it. None is ever deleted.

The session is judged anew first: states are not taken from a session whose
integrity is not intact, since nobody knows then what ran.

Exit status: 0 done, 1 the session's integrity is not intact, 2 nothing to
approve or to withdraw, 64 usage.`;

/** `agent-custody approve`. */
export function addApprove(program: Command): void {
  const command = program
    .command('approve')
    .summary('approve the states that a session went through, or withdraw')
    .description(DESCRIPTION)
    .option('--session <ID>', 'the session whose states to approve (or to withdraw)')
    .option('--by <NAME>', 'who approves')
    .option('--ticket <REF>', 'the change ticket (with --withdraw: of the entries)')
    .option('--until <DATE>', 'when the approval ends, such as 2027-05-01 (midnight UTC) or 2027-05-01T12:00:00Z (default: never)')
    .option('--pin-memory', 'approve this very memory too; by default memory may change')
    .option('--withdraw', 'withdraw the entries in force that --entry, --ticket or --session names')
    .option('--entry <NUMBER>', 'the entry to withdraw, by its number in the register, from 1')
    .option('--collector <URL>', 'read the session from this collector instead of a ledger')
    .option('--token <TOKEN>', 'its reader token; better by CUSTODY_TOKEN, which no process list shows')
    .action(async (flags: ApproveFlags) => {
      const settings = settingsFrom({ ...flags }, 'approve');
      if (flags.withdraw) await withdraw(flags, settings);
      else await approve(flags, settings);
    });
  addSettings(command, 'approve');
}

async function approve(flags: ApproveFlags, settings: LoadedSettings): Promise<void> {
  const register = registerPath(settings);
  const session = required(flags.session, '--session ID', 'approve');
  const by = required(flags.by, '--by NAME', 'approve');
  const ticket = required(flags.ticket, '--ticket REF', 'approve');
  const now = new Date();
  const until = flags.until === undefined ? null : endOf(flags.until, now);
  const wanted = (await approvedStates(flags, settings, session)).map(
    (state): RegisterEntry => ({ ...state, by, ticket, from: now.toISOString(), until, withdrawn: null }),
  );
  const { written, present } = changeRegister(register, (before) => addEntries(before, wanted, now));
  for (const entry of present) print('in force already', entry);
  for (const entry of written) print('approved', entry);
}

async function withdraw(flags: ApproveFlags, settings: LoadedSettings): Promise<void> {
  const register = registerPath(settings);
  const { session, ticket, entry } = flags;
  if (entry === undefined && ticket === undefined && session === undefined) {
    throw new UsageError('approve --withdraw: say which entries: --entry NUMBER, --ticket REF or --session ID');
  }
  if (entry !== undefined && !/^[1-9]\d{0,8}$/.test(entry))
    throw new UsageError('--entry: expected the number of an entry in the register, from 1');
  const states = session === undefined ? undefined : await statesToWithdraw(flags, settings, session);
  const selector = { number: entry === undefined ? undefined : Number(entry), ticket, states };
  const { withdrawn } = changeRegister(register, (before) => withdrawEntries(before, selector, new Date()));
  if (withdrawn.length === 0) throw new CommandError(EXIT.incomplete, `${register}: no entry in force is that one; nothing was withdrawn`);
  for (const one of withdrawn) print('withdrawn', one);
}

type ApprovedState = Pick<RegisterEntry, 'agent' | 'components'>;

async function approvedStates(flags: ApproveFlags, settings: LoadedSettings, session: string): Promise<readonly ApprovedState[]> {
  const { report, links } = await evidenceOf(flags, settings, session);
  if (report.integrity !== 'intact') {
    throw new CommandError(
      EXIT.broken,
      `session ${session}: its integrity is ${report.integrity}, so nobody knows what ran; see \`agent-custody verify --session ${session}\` and approve a run that is intact`,
    );
  }
  const { states, untold } = statesOf(links, nodeHashing);
  if (states.length === 0)
    throw new CommandError(
      EXIT.incomplete,
      `session ${session}: no state is on record, its session.start is missing; approve a session that is complete`,
    );
  if (untold > 0) complain(`session ${session}: ${untold} links stand in states that a missing link hides; those are not approved`);
  return states.map((state) => ({ agent: report.agent, components: approvable(state, flags.pinMemory ?? false) }));
}

/** With memory pinned and without: whichever of both was approved. */
async function statesToWithdraw(flags: ApproveFlags, settings: LoadedSettings, session: string): Promise<readonly ApprovedState[]> {
  const { report, links } = await evidenceOf(flags, settings, session);
  const { states } = statesOf(links, nodeHashing);
  return states.flatMap((state) => [true, false].map((pinned) => ({ agent: report.agent, components: approvable(state, pinned) })));
}

async function evidenceOf(flags: ApproveFlags, settings: LoadedSettings, named: string): Promise<SessionEvidence> {
  const session = sessionId(named);
  if (flags.collector !== undefined && flags.ledger !== undefined)
    throw new UsageError('approve: --collector and --ledger exclude each other; name one of them');
  const evidence =
    flags.collector === undefined ? fromLedger(settings, session) : await fromCollector(flags.collector, flags.token, session);
  if (evidence === undefined) throw new CommandError(EXIT.incomplete, `session ${session}: nothing of it is on record`);
  return evidence;
}

function fromLedger(settings: LoadedSettings, session: string): SessionEvidence | undefined {
  return withLedger(settings.ledger, 'a running collector with --collector URL', (ledger) =>
    evidenceFromLedger(ledger, session, nodeHashing),
  );
}

function fromCollector(url: string, token: string | undefined, session: string): Promise<SessionEvidence | undefined> {
  const address = collectorAddress(url, token);
  return asking(() => evidenceFromCollector(address, session, nodeHashing));
}

function registerPath(settings: LoadedSettings): string {
  return required(settings.register, '--register FILE (or CUSTODY_REGISTER)', 'approve');
}

function endOf(text: string, now: Date): string {
  const end = new Date(instantMs(text, '--until'));
  if (end <= now) throw new UsageError(`--until ${text}: lies in the past; nothing would be approved`);
  return end.toISOString();
}

function print(what: string, { number, entry }: NumberedEntry): void {
  const lines = [
    `${what}: entry ${number}`,
    `  agent    ${printable(entry.agent)}`,
    ...Object.entries(entry.components).map(([name, digest]) => `  ${printable(name)} ${digest}`),
    `  by       ${printable(entry.by)}, ticket ${printable(entry.ticket)}`,
    `  from     ${entry.from} until ${entry.until ?? 'withdrawn'}${entry.withdrawn === null ? '' : `, withdrawn ${entry.withdrawn}`}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
