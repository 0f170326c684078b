import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { nodeHashing } from '../hashing.js';
import { readRegister } from '../register-file.js';
import { gatherReport } from '../report/gather.js';
import { reportPage } from '../report/page.js';
import { defaultLedgerPath, type LoadedSettings } from '../settings/index.js';
import { ownVersion } from '../version.js';
import { UsageError } from './errors.js';
import { withLedger } from './ledger.js';
import { addSettings, settingsFrom } from './options.js';

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
  const { out } = flags;
  if (out === undefined) throw new UsageError('report: --out FILE is missing');
  const nowMs = Date.now();
  const untilMs = flags.until === undefined ? nowMs : dateOf(flags.until, '--until');
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
  write(out, reportPage(gathered));
  const { sessions, exceptions } = gathered;
  const open = exceptions.filter(({ finding }) => !finding.healed).length;
  process.stdout.write(`${sessions.length} session(s), ${open} exception(s): written to ${out}\n`);
}

const UNITS_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

function beginningOf(text: string, untilMs: number): number {
  const match = /^(\d{1,6})([mhdw])$/.exec(text);
  if (match === null) return dateOf(text, '--since');
  return untilMs - Number(match[1]) * UNITS_MS[match[2] as keyof typeof UNITS_MS];
}

const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

function dateOf(text: string, flag: string): number {
  const ms = DATE.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new UsageError(
    `${flag} '${text.slice(0, 40)}': expected a duration such as 30d, or a date such as 2027-01-01 or 2027-01-01T12:00:00Z`,
  );
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600 });
  } catch (error) {
    throw new UsageError(`--out ${path}: cannot be written: ${(error as Error).message}`, { cause: error });
  }
}
