import { createHash } from 'node:crypto';
import type { Command } from 'commander';
import { type Gathered, gatherFromCollector, gatherFromLedger } from '../handover/gather.js';
import { bundleText } from '../handover/write-bundle.js';
import { nodeHashing } from '../hashing.js';
import { readRegister } from '../register-file.js';
import type { LoadedSettings } from '../settings/index.js';
import { EXIT } from '../verify/status.js';
import { ownVersion } from '../version.js';
import { CommandError, UsageError } from './errors.js';
import { asking, collectorAddress, required, sessionId } from './flags.js';
import { withLedger } from './ledger.js';
import { addSettings, settingsFrom } from './options.js';
import { writeOut } from './output.js';

interface ExportFlags {
  readonly session?: string;
  readonly out?: string;
  readonly collector?: string;
  readonly token?: string;
  readonly ledger?: string;
}

const DESCRIPTION = `Writes one session into a file that can be checked on another machine, without
a network and without this collector:

    agent-custody verify --file FILE

It holds the links with what they disclose, the links of other sessions that
they refer to, what was found, the register's entries for the agent (with
--register), and in its first line how to read and check it. What was changed in
it, added or removed is a finding. The hash that this prints goes to the
receiver by another way: who can write the file can write all of it anew.

Exit status: 0 written, 2 nothing of the session is on record or the collector
cannot be asked, 64 usage.`;

/** `agent-custody export`. */
export function addExport(program: Command): void {
  const command = program
    .command('export')
    .summary('write a session into a file that others can verify')
    .description(DESCRIPTION)
    .option('--session <ID>', 'the session, 32 hex')
    .option('--out <FILE>', 'the file to write; one that is there is not overwritten')
    .option('--collector <URL>', 'read the session from this collector instead of a ledger')
    .option('--token <TOKEN>', 'its reader token; better by CUSTODY_TOKEN, which no process list shows')
    .action((flags: ExportFlags) => exportSession(flags, settingsFrom({ ...flags }, 'export')));
  addSettings(command, 'export');
}

async function exportSession(flags: ExportFlags, settings: LoadedSettings): Promise<void> {
  const session = sessionId(required(flags.session, '--session ID', 'export'));
  const out = required(flags.out, '--out FILE', 'export');
  if (flags.collector !== undefined && flags.ledger !== undefined)
    throw new UsageError('export: --collector and --ledger exclude each other; name one of them');
  const register = settings.register === undefined ? undefined : readRegister(settings.register);
  const gathered = await gather(flags, settings, session);
  if (gathered === undefined) throw new CommandError(EXIT.incomplete, `session ${session}: nothing of it is on record`);
  const text = bundleText({ ...gathered, register, atMs: Date.now(), collectorVersion: ownVersion() });
  writeOut(out, text, 'wx');
  const sha256 = createHash('sha256').update(text).digest('hex');
  const { links, integrity, completeness, authority } = gathered.report;
  process.stdout.write(
    `session ${session}: ${links} links, ${integrity}, ${completeness}, ${authority}\nwritten to ${out}\nSHA-256 ${sha256}\nto check it: agent-custody verify --file ${out}\n`,
  );
}

function gather(flags: ExportFlags, settings: LoadedSettings, session: string): Promise<Gathered | undefined> | Gathered | undefined {
  if (flags.collector !== undefined) {
    const address = collectorAddress(flags.collector, flags.token);
    return asking(() => gatherFromCollector(address, session, nodeHashing));
  }
  return withLedger(settings.ledger, 'a running collector with --collector URL', (ledger) => {
    const pruned = ledger.prunedSession(session);
    const gathered = gatherFromLedger(ledger, session, nodeHashing);
    if (gathered !== undefined || pruned === undefined) return gathered;
    throw new CommandError(
      EXIT.incomplete,
      `session ${session} was pruned (pruning ${pruned.disposition}): on record are that it had ${pruned.links} links, and the hash of its last one, ${pruned.endHash}`,
    );
  });
}
