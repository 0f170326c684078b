import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCollector } from '@agent-custody/collector';
import { serveParent } from './parent.js';

// This project's collector as its users run it: ledger on disk, durable before the answer.
const folder = mkdtempSync(join(tmpdir(), 'agent-custody-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const collector = await startCollector({
  listen: { host: '127.0.0.1', port: 0 },
  ledger: join(folder, 'ledger.db'),
  // Uncompressed, as the command forwards over loopback and as the bare server does.
  forwarding: { url: process.argv[2] ?? '', headers: {}, compression: 'none' },
  logLevel: 'warn',
});
serveParent(`${collector.url}/v1/traces`);
