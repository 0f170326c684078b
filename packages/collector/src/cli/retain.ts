import type { Command } from 'commander';
import { DAY_MS, LEAST_DAYS, pruneAll } from '../handover/retention.js';
import { actOf, changeLedger } from './acting.js';
import { UsageError } from './errors.js';
import { required } from './flags.js';
import { addSettings, settingsFrom } from './options.js';

interface RetainFlags {
  readonly days?: string;
  readonly force?: true;
  readonly by?: string;
}

const DESCRIPTION = `Prunes sessions whose last link is older than a number of days: their links,
findings and summaries. That they were pruned stays on record (when, by whom,
how many, a digest over them), and of each session its id, its number of links
and the hash of its last one: a session that is missing was pruned, or it was
lost, and everybody can tell which.

No collector may have the ledger open; a running one does the same daily with
--retain-days. What is in Tempo has a retention of its own.

Exit status: 0 done (also when nothing was old enough), 1 the ledger is in use
or cannot be written, 64 usage.`;

/** `agent-custody retain`. */
export function addRetain(program: Command): void {
  const command = program
    .command('retain')
    .summary('prune sessions that are older than a number of days')
    .description(DESCRIPTION)
    .option('--days <DAYS>', `how long a session is kept after its last link, at least ${LEAST_DAYS}`)
    .option('--force', `allow less than ${LEAST_DAYS} days: where the law asks for logs it asks for six months`)
    .option('--by <NAME>', 'who prunes, for the record (default: this account)')
    .action((flags: RetainFlags) => retain(flags, settingsFrom({ ...flags }, 'retain').ledger));
  addSettings(command, 'retain');
}

function retain(flags: RetainFlags, ledgerPath: string | undefined): void {
  const days = daysOf(flags);
  const act = actOf(flags.by, `retain --days ${days}`);
  const said = changeLedger(ledgerPath, 'retain', (ledger) => {
    const before = act.atMs - days * DAY_MS;
    const { sessions, links, prunings } = pruneAll(ledger, { ...act, beforeMs: before });
    const limit = new Date(before).toISOString();
    if (sessions === 0) return `nothing to prune: no session's last link came before ${limit}`;
    ledger.compact();
    return `pruned ${sessions} session(s) with ${links} link(s), the last of each from before ${limit}; on record as pruning ${prunings.join(', ')}`;
  });
  process.stdout.write(`${said}\n`);
}

function daysOf({ days, force }: RetainFlags): number {
  const text = required(days, '--days DAYS', 'retain');
  if (!/^\d{1,5}$/.test(text)) throw new UsageError('--days: expected a whole number of days, such as 365');
  const number = Number(text);
  if (number >= LEAST_DAYS || force) return number;
  throw new UsageError(
    `--days ${number}: under ${LEAST_DAYS} days, the six months that Regulation (EU) 2024/1689 asks for (articles 19 and 26(6)); if none of it applies to you, add --force`,
  );
}
