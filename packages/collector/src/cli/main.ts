import { Command, CommanderError } from 'commander';
import { LedgerError } from '../ledger/errors.js';
import { RegisterFileError } from '../register-file.js';
import { SettingsError } from '../settings/index.js';
import { EXIT } from '../verify/status.js';
import { ownVersion } from '../version.js';
import { addApprove } from './approve.js';
import { addCollect } from './collect.js';
import { addErase } from './erase.js';
import { CommandError, UsageError } from './errors.js';
import { addExport } from './export.js';
import { complain } from './output.js';
import { addPolicy } from './policy.js';
import { addReport } from './report.js';
import { addRetain } from './retain.js';
import { addToken } from './token.js';
import { addVerify } from './verify.js';

const COLUMNS = 80;

function createProgram(): Command {
  const program = new Command('agent-custody')
    .description('Chain of custody for AI agents, on OpenTelemetry.')
    .version(ownVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError('(--help lists what there is)')
    .configureOutput({
      getOutHelpWidth: () => COLUMNS,
      getErrHelpWidth: () => COLUMNS,
      // As all else that is wrong is said.
      outputError: (text, write) => write(text.replace(/^error: /, 'agent-custody: ')),
    })
    .exitOverride();
  // Subcommands inherit these, so they come after.
  addCollect(program);
  addVerify(program);
  addApprove(program);
  addToken(program);
  addRetain(program);
  addErase(program);
  addExport(program);
  addReport(program);
  addPolicy(program);
  return program;
}

/** The exit status for what went wrong; says it, in words and without a stack, unless the mistake is the program's own. */
function conclude(error: unknown): number {
  // Commander has said what is wrong; help and version are no error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CommandError) return tell(error, error.status);
  if (error instanceof UsageError || error instanceof SettingsError || error instanceof RegisterFileError || error instanceof LedgerError)
    return tell(error, EXIT.usage);
  complain(`a mistake of the program's own: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return EXIT.failure;
}

function tell(error: Error, status: number): number {
  complain(error.message);
  return status;
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

createProgram()
  .parseAsync()
  .catch((error: unknown) => {
    process.exitCode = conclude(error);
  });
