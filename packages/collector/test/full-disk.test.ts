import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WrittenLink } from '@agent-custody/chain';
import { afterEach, expect, test } from 'vitest';
import { readSqliteLedger } from '../src/ledger/index.js';
import { MortalCollector } from './mortal-collector.js';
import { bodyOf, recordOf, sessionOf } from './sessions.js';
import { TempoStandIn } from './tempo-stand-in.js';

const directory = mkdtempSync(join(tmpdir(), 'custody-full-'));
const path = join(directory, 'ledger.db');
const tempo = new TempoStandIn();
let collector: MortalCollector | undefined;

afterEach(async () => {
  await collector?.kill();
  await tempo.close();
  rmSync(directory, { recursive: true, force: true });
});

const bodyOfLinks = (links: readonly WrittenLink[]): Uint8Array => bodyOf(links.map(recordOf));

test('on a full disk nothing is answered 200 that is not on it; once there is room the same is taken, and nothing is found', async () => {
  tempo.always({ type: 'status', status: 503 });
  collector = new MortalCollector(path, await tempo.listen());
  collector.start(4_096); // 2 MiB a file
  const taken: WrittenLink[][] = [];
  let refused: WrittenLink[] = [];
  while (refused.length === 0) {
    const links = sessionOf({ actions: 20 });
    const status = await collector.post(bodyOfLinks(links));
    if (status === 200) taken.push(links);
    else {
      expect(status).toBe(503);
      refused = links;
    }
  }
  expect(taken.length).toBeGreaterThan(0);
  collector.makeRoom();
  while ((await collector.post(bodyOfLinks(refused))) !== 200) await delay(50);
  tempo.always(undefined);
  const expected = [...taken, refused].flat();
  await tempo.until(() => {
    const there = new Set(tempo.stored.map(({ spanId }) => spanId));
    return expected.every(({ spanId }) => there.has(spanId));
  });
  await collector.kill();
  const ledger = readSqliteLedger(path);
  const onRecord = new Set([...ledger.allLinks()].map(({ hash }) => hash));
  expect(expected.filter(({ hash }) => !onRecord.has(hash))).toEqual([]);
  for (const links of [...taken, refused]) {
    expect(ledger.findings(links[0]?.session ?? '')).toEqual([]);
    expect(ledger.session(links[0]?.session ?? '')).toMatchObject({ integrity: 'intact', completeness: 'complete', links: links.length });
  }
  ledger.close();
});
