import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startClerk } from './processes.js';

test('a signal that comes while nobody answers: sessions that begin until the process is gone are ended too', async () => {
  const spool = mkdtempSync(join(tmpdir(), 'custody-signal-'));
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const clerk = startClerk('busy', { CUSTODY_ENDPOINT: endpoint, CUSTODY_SPOOL: spool, OTEL_TRACES_EXPORTER: 'none' });
  await clerk.line(/^busy$/);
  await clerk.kill('SIGTERM');
  expect(clerk.signal).toBe('SIGTERM');

  const kept = readdirSync(spool).map((name) => readFileSync(join(spool, name), 'latin1'));
  // As they stand on the wire: key, and the value's own framing.
  const count = (kind: string): number => kept.join('').split(new RegExp(`custody\\.link\\.kind[^a-z]{1,8}${kind}`)).length - 1;
  expect(count('session\\.start')).toBeGreaterThan(10);
  expect(count('session\\.end')).toBe(count('session\\.start'));
  silent.closeAllConnections();
  silent.close();
  rmSync(spool, { recursive: true, force: true });
});
