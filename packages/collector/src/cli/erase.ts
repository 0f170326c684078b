import type { Command } from 'commander';
import { withoutSession } from '../handover/erase-request.js';
import { EXIT } from '../verify/status.js';
import { actOf, changeLedger } from './acting.js';
import { CommandError } from './errors.js';
import { required, sessionId } from './flags.js';
import { addSettings, settingsFrom } from './options.js';

interface EraseFlags {
  readonly session?: string;
  readonly reason?: string;
  readonly by?: string;
}

const DESCRIPTION = `Removes what a session disclosed (arguments, results and reasons, with their
salts) from the ledger: from its links, and from spans that wait to be
forwarded. The links stay, with every hash, and the session is judged as before;
without the salts nobody can confirm a guess at what was there. The file is
written anew, so that the bytes are gone. The erasure stays on record.

What the hashes cover cannot be removed from a chain: names of agents, tools and
principals, ids, times. To remove a session altogether see retain.

No collector may have the ledger open. What was forwarded is in Tempo, and has
to be deleted there.

Exit status: 0 done, 1 the ledger is in use or cannot be written, 2 the ledger
holds nothing of the session, 64 usage.`;

/** `agent-custody erase`. */
export function addErase(program: Command): void {
  const command = program
    .command('erase')
    .summary("remove a session's content; its chain stays verifiable")
    .description(DESCRIPTION)
    .option('--session <ID>', 'the session, 32 hex')
    .option('--reason <TEXT>', 'why, for the record; name no person in it')
    .option('--by <NAME>', 'who erases, for the record (default: this account)')
    .action((flags: EraseFlags) => erase(flags, settingsFrom({ ...flags }, 'erase').ledger));
  addSettings(command, 'erase');
}

function erase(flags: EraseFlags, ledgerPath: string | undefined): void {
  const session = sessionId(required(flags.session, '--session ID', 'erase'));
  const said = changeLedger(ledgerPath, 'erase', (ledger, path) => {
    const traces = new Set<string>();
    for (const { traceId } of ledger.links(session, 1)) if (traceId !== '') traces.add(traceId);
    const erasure = ledger.erase(session, actOf(flags.by, flags.reason ?? ''), (request) => withoutSession(request, session, traces));
    if (erasure === undefined) throw new CommandError(EXIT.incomplete, `${path} holds nothing of session ${session}: nothing was erased`);
    ledger.compact();
    return [
      `erased session ${session}: content of ${erasure.links} link(s), and ${erasure.spans} span(s) that waited to be forwarded; on record as erasure ${erasure.id}`,
      ...(traces.size === 0 ? [] : [`in Tempo it is still there: delete or let expire the trace(s) ${[...traces].sort().join(', ')}`]),
      'so it is in exports, backups and copies of the ledger that were made before',
    ];
  });
  process.stdout.write(`${said.join('\n')}\n`);
}
