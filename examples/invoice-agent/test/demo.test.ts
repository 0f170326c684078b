import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startCollector } from '@agent-custody/collector';
import { beforeAll, describe, expect, test } from 'vitest';

const demo = fileURLToPath(new URL('../dist/demo.js', import.meta.url));

describe('npm run demo', () => {
  let run: { readonly status: number | null; readonly stdout: string; readonly stderr: string };
  beforeAll(() => {
    run = spawnSync(process.execPath, [demo], { encoding: 'utf8' });
  });

  test('ends well, and says what it verified', () => {
    expect(run.stderr).toBe('');
    expect(run.stdout.trimEnd().split('\n').at(-1)).toMatch(/^Verified: (\d+) of \1 expectations held/);
    expect(run.status).toBe(0);
  });

  test('shows each attack with its finding', () => {
    for (const code of ['content_mismatch', 'gap', 'fork', 'executed_after_deny'])
      expect(run.stdout).toMatch(new RegExp(`^ +${code} at link \\d+$`, 'm'));
  });

  test('shows the chain with the stated reasons, within 80 columns', () => {
    expect(run.stdout).toMatch(/action\.intent +match_payments +INV-7 was paid/);
    expect(run.stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('sends its session to a collector that runs already', async () => {
    const collector = await startCollector({ ledger: ':memory:', listen: { host: '127.0.0.1', port: 0 }, logLevel: 'silent' });
    try {
      const demoRun = spawn(process.execPath, [demo, '--collector', collector.url], { stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      demoRun.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
      await once(demoRun, 'close');
      expect(demoRun.exitCode, output).toBe(0);
      const session = /^session ([0-9a-f]{32})$/m.exec(output)?.[1] ?? '';
      expect(collector.report(session)).toMatchObject({ agent: 'invoice-agent', integrity: 'intact', completeness: 'complete' });
    } finally {
      await collector.close();
    }
  });
});
