// Runs each control and holds what it shows against what it claims. Offline; a collector of its own, in memory.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Collector, startCollector } from '@agent-custody/collector';
import type { Control } from './control.js';
import { CONTROLS } from './controls/index.js';

interface Shown {
  readonly heard: readonly string[];
  /** What was expected and not seen. */
  readonly missing: readonly string[];
}

/** Shown side by side; most of the time each of them waits for a process to start. */
const AT_ONCE = 4;

async function main(names: readonly string[]): Promise<boolean> {
  const unknown = names.find((name) => CONTROLS[name] === undefined);
  if (unknown !== undefined) throw new Error(`there is no control '${unknown}'; there are ${Object.keys(CONTROLS).join(', ')}`);
  const running: Promise<Shown>[] = [];
  let held = 0;
  for (const [index, name] of names.entries()) {
    while (running.length < Math.min(index + AT_ONCE, names.length)) {
      const next = names[running.length] as string;
      running.push(show(next, CONTROLS[next] as Control));
    }
    const { heard, missing } = await (running[index] as Promise<Shown>);
    process.stdout.write(`${missing.length === 0 ? '✓' : '✗'} ${(CONTROLS[name] as Control).title}\n    ${wrapped(heard)}\n`);
    for (const line of missing) process.stdout.write(`    expected ${line}\n`);
    if (missing.length === 0) held++;
  }
  process.stdout.write(`\nVerified: ${held} of ${names.length} controls hold, each on a chain without a finding.\n`);
  return held === names.length;
}

async function show(name: string, control: Control): Promise<Shown> {
  const folder = mkdtempSync(join(tmpdir(), 'custody-example-'));
  const collector = await startCollector({ ledger: ':memory:', listen: { host: '127.0.0.1', port: 0 }, logLevel: 'silent' });
  try {
    const policy = join(folder, 'policy.yaml');
    writeFileSync(policy, control.policy);
    const answering = answer(collector, control.humans ?? []);
    const heard = await run(name, {
      CUSTODY_ENDPOINT: collector.url,
      CUSTODY_SPOOL: join(folder, 'spool'),
      CUSTODY_POLICY: policy,
      CUSTODY_QUIET: 'true',
      OTEL_TRACES_EXPORTER: 'none',
      ...control.env,
    });
    await answering;
    const missing = heard.join() === control.hears.join() ? [] : [`to hear ${control.hears.join(', ')}`];
    return { heard, missing: [...missing, ...(control.env ? [] : await unrecorded(collector, control))] };
  } finally {
    await collector.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs the agent, and answers what it said. */
async function run(name: string, env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const program = fileURLToPath(new URL('agent.js', import.meta.url));
  const own = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(CUSTODY|OTEL)_/.test(key)));
  const child = spawn(process.execPath, ['--import', '@agent-custody/instrumentation/register', program, name], {
    env: { ...own, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const heard: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => heard.push(line));
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`the agent of '${name}' ended with status ${child.exitCode}`);
  return heard;
}

/** Plays the humans: decides about each request as it comes, as a page or a chat would. */
async function answer(collector: Collector, decisions: readonly string[]): Promise<void> {
  const seen = new Set<string>();
  for (const decision of decisions) {
    const { id, arguments_digest } = await nextRequest(collector, seen);
    const response = await fetch(`${collector.url}/api/v1/approvals/${id}/decision`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision, arguments_digest, comment: 'decided by the example' }),
    });
    if (!response.ok) throw new Error(`the decision was answered ${response.status}`);
  }
}

interface Request {
  readonly id: string;
  readonly arguments_digest: string;
}

async function nextRequest(collector: Collector, seen: Set<string>): Promise<Request> {
  for (;;) {
    const page = await (await fetch(`${collector.url}/console/approvals`)).text();
    const fresh = [...page.matchAll(/\/console\/approvals\/([0-9a-f]{32})"/g)]
      .map((match) => match[1] as string)
      .find((id) => !seen.has(id));
    if (fresh === undefined) continue;
    seen.add(fresh);
    return (await (await fetch(`${collector.url}/api/v1/approvals/${fresh}`)).json()) as Request;
  }
}

/** What the chains should hold and do not; and anything that a verifier finds in them. */
async function unrecorded(collector: Collector, { records = {} }: Control): Promise<readonly string[]> {
  const { sessions } = (await (await fetch(`${collector.url}/api/v1/sessions`)).json()) as {
    sessions: { session: string; findings: { code: string }[] }[];
  };
  const missing = sessions.flatMap(({ findings }) => findings.map(({ code }) => `no finding, and there is ${code}`));
  const links = sessions.flatMap(({ session }) => collector.links(session).map(({ link }) => link));
  for (const [key, values] of Object.entries(records)) {
    const found = links.map(({ attributes }) => attributes[key]).filter((value) => value !== undefined);
    if (found.join() !== values.join()) missing.push(`${key} = ${values.join(', ')}, found ${found.join(', ')}`);
  }
  return sessions.length === 0 ? ['a chain'] : missing;
}

/** Within 80 columns. */
function wrapped(parts: readonly string[]): string {
  const lines = [''];
  for (const part of parts) {
    const last = lines.at(-1) as string;
    if (last !== '' && last.length + part.length + 3 > 74) lines.push(part);
    else lines[lines.length - 1] = last === '' ? part : `${last} · ${part}`;
  }
  return lines.join('\n    ');
}

const chosen = process.argv.slice(2);
main(chosen.length > 0 ? chosen : Object.keys(CONTROLS)).then(
  (held) => {
    if (!held) process.exitCode = 1;
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
