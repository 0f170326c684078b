// The main job, end to end: an agent runs, its tool calls are chained, a collector verifies them, and four attacks on a copy of the
// record are seen. Exit status 0 only when everything that is claimed here held.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, styleText } from 'node:util';
import { ATTR } from '@agent-custody/chain';
import { startCollector } from '@agent-custody/collector';
import { ATTACKS, type Attack, type RecordedLink } from './attacks.js';
import { chain, type Link, type Report, sessions } from './collector-api.js';
import { otlpLine } from './otlp-file.js';
import { chainTable, wrapped } from './table.js';

const colour = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
const say = (line = ''): void => void process.stdout.write(`${line}\n`);
const step = (line: string): void => say(colour ? styleText('bold', `▸ ${line}`) : `▸ ${line}`);

interface Expectation {
  readonly claim: string;
  readonly held: boolean;
}

/** Where the agent sends its evidence. */
interface Target {
  readonly url: string;
  close(): Promise<void>;
}

/** A collector of the demo's own, which forwards to `tempo` if there is one. */
async function ownCollector(work: string, tempo: string | undefined): Promise<Target> {
  const collector = await startCollector({
    listen: { host: '127.0.0.1', port: 0 },
    ledger: join(work, 'ledger.db'),
    forwarding:
      tempo === undefined ? undefined : { url: new URL('v1/traces', tempo.endsWith('/') ? tempo : `${tempo}/`).href, headers: {} },
    logLevel: 'error',
  });
  step(`collector on ${collector.url}, ${tempo === undefined ? 'forwarding to nobody (try --tempo URL)' : `forwarding to ${tempo}`}`);
  return collector;
}

/** One that runs already, such as that of grafana/compose.yaml. */
function runningCollector(url: string): Target {
  step(`collector on ${url}`);
  return { url: url.replace(/\/+$/, ''), close: () => Promise.resolve() };
}

async function demo(where: { readonly collector?: string; readonly tempo?: string }): Promise<readonly Expectation[]> {
  const work = mkdtempSync(join(tmpdir(), 'agent-custody-demo-'));
  const collector = where.collector === undefined ? await ownCollector(work, where.tempo) : runningCollector(where.collector);
  try {
    const before = new Set((await sessions(collector.url)).map(({ session }) => session));
    await runAgent(work, collector.url);
    const report = await complete(collector.url, before);
    const links = await chain(collector.url, report.session);
    say();
    say(chainTable(links, colour));
    say();
    const honest = await verify(work, 'recorded', links.map(recorded));
    const expectations: Expectation[] = [
      { claim: 'the agent exited and its session is complete', held: report.completeness === 'complete' },
      {
        claim: 'the collector finds the chain intact, with no finding',
        held: report.integrity === 'intact' && report.findings.length === 0,
      },
      {
        claim: 'every tool call has an intent and an outcome',
        held: countOf(links, 'action.intent') > 6 && countOf(links, 'action.intent') === countOf(links, 'action.outcome'),
      },
      { claim: 'agent-custody verify agrees on a copy', held: honest.status === 0 && honest.report.findings.length === 0 },
    ];
    say(`session ${report.session}`);
    say(`agent ${report.agent} for ${links[0]?.attributes[ATTR.principal]}, ${report.links} links`);
    say(`integrity ${report.integrity}, completeness ${report.completeness}, authority ${report.authority}`);
    say();
    step('four attacks on a copy of the record');
    for (const attack of ATTACKS) expectations.push(await play(attack, work, links));
    return expectations;
  } finally {
    await collector.close();
    rmSync(work, { recursive: true, force: true });
  }
}

/** Runs the agent in a process of its own, armed from outside; its standard output is shown as it comes. */
async function runAgent(work: string, endpoint: string): Promise<void> {
  const folder = mkdtempSync(join(work, 'invoices-'));
  writeFileSync(join(folder, 'invoices.csv'), 'invoice,amount\nINV-6,900.00\nINV-7,1250.50\n');
  writeFileSync(join(folder, 'payments.csv'), 'invoice,amount\nINV-6,900.00\nINV-7,1000.00\n');
  step('agent: AI SDK, a real MCP server over stdio, two local functions');
  const agent = spawn(
    process.execPath,
    ['--import', '@agent-custody/instrumentation/register', fileURLToPath(new URL('agent.js', import.meta.url)), folder],
    {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: {
        ...process.env,
        CUSTODY_ENDPOINT: endpoint,
        CUSTODY_SPOOL: join(work, 'spool'),
        OTEL_SERVICE_NAME: 'invoice-agent',
        OTEL_TRACES_EXPORTER: 'none',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  show(agent);
  const [code] = await once(agent, 'close');
  if (code !== 0) throw new Error(`the agent exited with status ${code}`);
}

function show(child: ChildProcess): void {
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n')) if (line.trim() !== '') say(wrapped(line, 2));
    });
  }
}

/** Waits until the agent's session is closed on the collector's side. */
async function complete(url: string, before: ReadonlySet<string>): Promise<Report> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const report = (await sessions(url)).find(({ agent, session }) => agent === 'invoice-agent' && !before.has(session));
    if (report && report.completeness !== 'open') return report;
    if (Date.now() > deadline)
      throw new Error(`the session was not closed within 15 s; the collector has ${report ? `${report.links} links` : 'nothing'} of it`);
    await pause(100);
  }
}

async function play(attack: Attack, work: string, links: readonly Link[]): Promise<Expectation> {
  const { status, report } = await verify(work, attack.name, attack.apply(links.map(recorded)));
  const found = report.findings.filter((finding) => attack.expects.includes(finding.code));
  say();
  say(`  ${colour ? styleText('yellow', attack.name) : attack.name}: ${attack.does}`);
  for (const { code, seq, detail } of found) {
    say(`    ${colour ? styleText('red', code) : code} at link ${seq}`);
    say(wrapped(detail, 4));
  }
  const only = new Set(report.findings.map(({ code }) => code));
  const held = status !== 0 && attack.expects.every((code) => only.has(code)) && only.size === attack.expects.length;
  if (!held) say(`    expected ${attack.expects.join(', ')}; found ${[...only].join(', ') || 'nothing'} (status ${status})`);
  return { claim: `the attack '${attack.name}' is seen as ${attack.expects.join(' and ')}`, held };
}

/** Runs the real command on a file of OTLP/JSON. */
async function verify(
  work: string,
  name: string,
  links: readonly RecordedLink[],
): Promise<{ readonly status: number; readonly report: Report }> {
  const file = join(work, `${name.replaceAll(' ', '-')}.jsonl`);
  writeFileSync(file, otlpLine(links));
  const command = createRequire(import.meta.url)
    .resolve('@agent-custody/collector/package.json')
    .replace('package.json', 'bin/agent-custody.js');
  const child = spawn(process.execPath, [command, 'verify', '--file', file, '--at-rest', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [status] = (await once(child, 'close')) as [number];
  const [report] = JSON.parse(output) as Report[];
  if (!report) throw new Error(`verify printed no session for ${file}`);
  return { status, report };
}

const recorded = (link: Link): RecordedLink => ({
  traceId: link.trace_id,
  spanId: link.span_id,
  attributes: { ...link.attributes, [ATTR.hash]: link.hash, ...link.content },
});

const countOf = (links: readonly Link[], kind: string): number => links.filter((link) => link.kind === kind).length;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { collector: { type: 'string' }, tempo: { type: 'string' } } });
  const expectations = await demo(values);
  const failed = expectations.filter(({ held }) => !held);
  say();
  for (const { claim } of failed) say(`NOT SO: ${claim}`);
  say(
    failed.length === 0
      ? `Verified: ${expectations.length} of ${expectations.length} expectations held; no attack went unseen.`
      : `${failed.length} of ${expectations.length} expectations did not hold.`,
  );
  process.exitCode = failed.length === 0 ? 0 : 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`the demo failed: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
});
