import { examine } from './examine.js';

/** Started by the doctor, with the instrumentation preloaded and the application's file as its argument. */
examine(process.argv[2] as string).then(
  (rows) => process.send?.({ rows }, () => process.exit(0)),
  (error: unknown) =>
    process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, () => process.exit(1)),
);
