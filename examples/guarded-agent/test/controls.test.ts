import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

let run: { readonly status: number | null; readonly stdout: string; readonly stderr: string };
beforeAll(() => {
  run = spawnSync(process.execPath, [program], { encoding: 'utf8' });
});

test('every control of the guard holds', () => {
  expect(run.stderr).toBe('');
  expect(run.stdout).not.toContain('✗');
  expect(run.stdout.trimEnd().split('\n').at(-1)).toMatch(/^Verified: (\d+) of \1 controls hold/);
  expect(run.status).toBe(0);
});

test('it is shown within 80 columns', () => {
  expect(run.stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test('a control that there is none of is an error', () => {
  const { status, stderr } = spawnSync(process.execPath, [program, 'none'], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toContain("there is no control 'none'");
});
