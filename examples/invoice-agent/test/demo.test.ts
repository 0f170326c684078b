import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
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
});
