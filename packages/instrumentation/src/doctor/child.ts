import { examine } from './examine.js';

const [, , file, ...folders] = process.argv;

/** Started by the doctor, with the instrumentation preloaded, the application's file and the folders of its bundles as arguments. */
examine(file as string, folders).then(
  (rows) => process.send?.({ rows }, () => process.exit(0)),
  (error: unknown) =>
    process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, () => process.exit(1)),
);
