import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ATTR } from '@agent-custody/chain';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Sink, startSink } from './adapters/support/sink.js';

const folder = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(folder, path), 'utf8');
const readme = read('README.md');

/** Names in the first cells of the tables from a heading (or sentence) to the next heading. */
function listed(from: string): string[] {
  const start = readme.indexOf(from);
  expect(start, from).toBeGreaterThanOrEqual(0);
  const section = readme.slice(start + from.length).split(/^#+ |^`evidence` takes/m)[0] as string;
  const cells = [...section.matchAll(/^\| (`[^|]*) \|/gm)].map((match) => match[1] as string);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string));
}

/** Members of an interface, from its source. */
function membersOf(path: string, name: string): string[] {
  const body = new RegExp(`export interface ${name}\\b[^{]*\\{(.*?)^\\}`, 'ms').exec(read(path))?.[1] ?? '';
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1] as string);
}

describe('the README lists, no more and no less,', () => {
  test.each([
    ['the options of CustodyInstrumentation', '### Options of', 'src/instrumentation.ts', 'CustodyInstrumentationConfig', ['enabled']],
    ['those of its evidence', '`evidence` takes', 'src/instrumentation.ts', 'EvidenceConfig', []],
    ['those of a session', '## Sessions', 'src/types.ts', 'SessionOptions', []],
    ['those of audited', '## `audited`', 'src/audited.ts', 'AuditedOptions', []],
  ])('%s', (_what, heading, path, name, inherited) => {
    const members = membersOf(path, name);
    expect(members.length).toBeGreaterThan(4);
    expect(listed(heading).sort()).toEqual([...members, ...inherited].sort());
  });

  test('the variables of its own', () => {
    const sources = readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
    const used = sources.flatMap((path) => read(join('src', path)).match(/\b(?:CUSTODY|OTEL)_[A-Z_]*[A-Z]\b/g) ?? []);
    const own = new Set(used.filter((name) => name.startsWith('CUSTODY_')));
    expect(listed('## Environment').sort()).toEqual([...own].sort());
    const shared = new Set(
      used.filter((name) => name.startsWith('OTEL_') && !/_LIMIT$|_OTLP_TRACES_|_OTLP_HEADERS$|^OTEL_NODE$/.test(name)),
    );
    expect([...shared].filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });

  test('what the package exports', () => {
    const index = ts.createSourceFile('index.ts', read('src/index.ts'), ts.ScriptTarget.Latest);
    const exported = index.statements.flatMap((statement) =>
      ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause)
        ? statement.exportClause.elements.map((element) => element.name.text)
        : [],
    );
    const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, unknown> };
    const table = readme.slice(readme.indexOf('## Exports'));
    const named = [...table.matchAll(/`([A-Za-z@/-]+)`/g)].map((match) => match[1] as string);
    const rest = ['@agent-custody/instrumentation/register', '--import', '-r'];
    expect(named.filter((name) => !rest.includes(name)).sort()).toEqual(exported.sort());
    expect(Object.keys(exports)).toEqual(['.', './register', './package.json']);
  });

  test('the attributes that it sets', () => {
    // Signatures are still to come; link.status, findings, verdicts and the register are the collector's.
    const others = /signature|key\.id|link\.status|custody\.(finding|verdict|register)\./;
    const keys = Object.values(ATTR).filter((key) => !others.test(key));
    const table = readme.slice(readme.indexOf('## Attributes'), readme.indexOf('## `status()`'));
    expect(keys.filter((key) => !table.includes(`\`${key}\``))).toEqual([]);
    const mentioned = [...table.matchAll(/`(custody\.[a-z_.]+)`/g)].map((match) => match[1] as string);
    expect(mentioned.filter((key) => !(keys as readonly string[]).includes(key))).toEqual([]);
  });
});

describe('the code in the README', () => {
  const samples = [...readme.matchAll(/^```(js|ts)\n(.*?)^```/gms)].map((match) => [match[1] as string, match[2] as string] as const);
  const spool = mkdtempSync(join(tmpdir(), 'readme-'));
  let sink: Sink;
  beforeAll(async () => {
    sink = await startSink();
  });
  afterAll(async () => {
    await sink.close();
    rmSync(spool, { recursive: true, force: true });
  });

  async function run(code: string): Promise<string> {
    const env = { PATH: process.env['PATH'], CUSTODY_ENDPOINT: sink.url, CUSTODY_SPOOL: spool, OTEL_LOG_LEVEL: 'warn' };
    const own = code.replaceAll('http://localhost:4318', sink.url);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', own], { cwd: folder, env });
    expect(stderr).toBe('');
    return stdout;
  }

  test('is there', () => {
    expect(samples.length).toBeGreaterThan(5);
  });

  test.each(
    samples.map(([language, code]) => [code.split('\n').find((line) => line !== '' && !line.startsWith('import')) ?? code, language, code]),
  )('runs: %s', async (_line, language, code) => {
    const compiled = ts.transpileModule(code, { compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext } });
    await run(language === 'ts' ? compiled.outputText : code);
  });

  test('prints what it says', async () => {
    const answer = samples.find(([, code]) => code.includes('console.log(answer)'))?.[1] ?? '';
    expect(await run(answer)).toBe('sent to bob@example.com\n');
  });
});
