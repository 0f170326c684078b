import type { Command } from 'commander';
import { nodeHashing } from '../hashing.js';
import { readRegister } from '../register-file.js';
import { gatherReport } from '../report/gather.js';
import { reportPage } from '../report/page.js';
import { defaultLedgerPath, type LoadedSettings } from '../settings/index.js';
import { ownVersion } from '../version.js';
import { UsageError } from './errors.js';
import { durationMs, instantMs, required } from './flags.js';
import { withLedger } from './ledger.js';
import { addSettings, settingsFrom } from './options.js';
import { writeOut } from './output.js';

interface ReportFlags {
  readonly since?: string;
  readonly until?: string;
  readonly out?: string;
}

const DESCRIPTION = `Writes an auditor's report of a period as one HTML file, to be read or printed:
which sessions there were and whether the list is complete, what was judged of
them, deviations from approved states, approvals, every exception with its
trace, denied actions, agents nobody answers for, what was removed; and which
controls of SOC 2, ISO 27001 and the OWASP agentic list the record supports.

The whole ledger is verified anew for it. A collector may be writing it.

Exit status: 0 written, 2 the ledger cannot be read, 64 usage.`;

/** `agent-custody report`. */
export function addReport(program: Command): void {
  const command = program
    .command('report')
    .summary("write an auditor's report of a period")
    .description(DESCRIPTION)
    .option('--since <TIME>', 'where the period begins: a duration before its end, such as 30d or 12h, or a date (default: 30d)')
    .option('--until <DATE>', 'where it ends: a date such as 2027-01-01 (midnight UTC) or 2027-01-01T12:00:00Z (default: now)')
    .option('--out <FILE>', 'the HTML file to write; one that is there is replaced')
    .action((flags: ReportFlags) => report(flags, settingsFrom({ ...flags }, 'report')));
  addSettings(command, 'report');
}

function report(flags: ReportFlags, settings: LoadedSettings): void {
  const out = required(flags.out, '--out FILE', 'report');
  const nowMs = Date.now();
  const untilMs = flags.until === undefined ? nowMs : instantMs(flags.until, '--until');
  const sinceMs = beginningOf(flags.since ?? '30d', untilMs);
  if (sinceMs >= untilMs) throw new UsageError(`--since ${flags.since}: the period would end before it begins`);
  const { register } = settings;
  const gathered = withLedger(settings.ledger, 'run a collector first', (ledger) =>
    gatherReport(ledger, {
      ledgerName: settings.ledger ?? defaultLedgerPath(process.env),
      sinceMs,
      untilMs,
      nowMs,
      version: ownVersion(),
      grafanaUrl: settings.grafanaUrl,
      register: register === undefined ? undefined : { path: register, content: readRegister(register) },
      hashing: nodeHashing,
    }),
  );
  writeOut(out, reportPage(gathered), 'w');
  const { sessions, exceptions } = gathered;
  const open = exceptions.filter(({ finding }) => !finding.healed).length;
  process.stdout.write(`${sessions.length} session(s), ${open} exception(s): written to ${out}\n`);
}

function beginningOf(text: string, untilMs: number): number {
  const before = durationMs(text);
  return before === undefined ? instantMs(text, '--since', 'a duration such as 30d, or ') : untilMs - before;
}
