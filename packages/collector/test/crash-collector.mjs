// The real pipeline in a process of its own, to be killed: receiver, engine, ledger and forwarder as `collect` runs them.
// Arguments: the ledger's path, the URL to forward to. Says the port it listens on in one line.

import { createEngine } from '../dist/engine/index.js';
import { createForwarder } from '../dist/forward/index.js';
import { nodeHashing } from '../dist/hashing.js';
import { openSqliteLedger } from '../dist/ledger/index.js';
import { createReceiver } from '../dist/receive/index.js';

const [path, url] = process.argv.slice(2);
const nothing = () => undefined;
const log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: (fields, message) => process.stderr.write(`${message} ${fields.err ?? ''}\n`),
};
const metrics = {
  spansReceived: nothing,
  link: nothing,
  finding: nothing,
  duplicate: nothing,
  rejected: nothing,
  forwarded: nothing,
  failed: nothing,
};

const ledger = openSqliteLedger(path);
const forwarder = createForwarder({ ledger, url, log, metrics, retry: { firstMs: 10, longestMs: 50 } });
const engine = createEngine({ ledger, hashing: nodeHashing, log, metrics, forwarder });
const receiver = createReceiver({ port: 0, ingest: (scanned, caller) => engine.ingest(scanned, caller) });
setInterval(() => engine.tick(), 50);
receiver.listen().then(({ port }) => process.stdout.write(`${port}\n`));
