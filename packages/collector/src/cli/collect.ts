import type { Command } from 'commander';
import { LedgerError } from '../ledger/errors.js';
import { createLog } from '../log.js';
import { ReceiverError } from '../receive/index.js';
import { type Collector, startCollector } from '../service.js';
import { type LoadedSettings, planCollect } from '../settings/index.js';
import { CommandError } from './errors.js';
import { addSettings, settingsFrom } from './options.js';

const DESCRIPTION = `Runs the collector: receives OTLP/HTTP, verifies the chains of agents, keeps
them in the ledger, and forwards all spans to Tempo.

Every setting is also a variable (--gap-grace: CUSTODY_GAP_GRACE) and a name in
the YAML file of --config; flags win over variables, those over the file.

SIGTERM or SIGINT stops it once all that is in flight is answered; a second one
at once. Exit status: 0 stopped, 1 could not start, 64 usage.`;

/** What a start fails with when the machine does not let it: an address that is taken, a ledger that is in use. */
const CANNOT_START = 1;

/** `agent-custody collect`. */
export function addCollect(program: Command): void {
  const command = program
    .command('collect')
    .summary('run the collector')
    .description(DESCRIPTION)
    .action((flags: Readonly<Record<string, unknown>>) => collect(settingsFrom(flags, 'collect')));
  addSettings(command, 'collect');
}

async function collect(settings: LoadedSettings): Promise<void> {
  const { options, warnings } = planCollect(settings, process.env);
  const log = createLog(options.logLevel ?? 'info');
  for (const warning of warnings) log.warn({}, warning);
  const collector = await start({ ...options, log });
  stopOnSignal(collector);
  // Log rotation's usual signal; without a listener it would end the process.
  process.on('SIGHUP', () => collector.reopenLogs());
}

async function start(options: Parameters<typeof startCollector>[0]): Promise<Collector> {
  try {
    return await startCollector(options);
  } catch (error) {
    if (error instanceof LedgerError || error instanceof ReceiverError)
      throw new CommandError(CANNOT_START, error.message, { cause: error });
    throw error;
  }
}

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

function stopOnSignal(collector: Collector): void {
  let stopping = false;
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (stopping) process.exit(128 + number);
      stopping = true;
      collector.close().then(
        () => process.exit(0),
        // The ledger is crash-safe: what could not be closed in order is as safe as after a power cut.
        () => process.exit(CANNOT_START),
      );
    });
  }
}
