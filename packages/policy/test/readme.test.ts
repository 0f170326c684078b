import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { documentSchema } from '../src/schema.js';

const folder = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const readme = readFileSync(folder('README.md'), 'utf8');
const source = (file: string) => readFileSync(folder(`src/${file}`), 'utf8');

/** The members of a union of string literals, as the source lists them. */
const codes = (file: string) => [...source(file).matchAll(/^ {2}\| '([a-z_]+)'/gm)].map((match) => match[1] as string);

/** Every key that a policy may have, at any depth. */
function keysOf(schema: unknown, seen = new Set<unknown>()): string[] {
  if (typeof schema !== 'object' || schema === null || seen.has(schema)) return [];
  seen.add(schema);
  const { def, shape } = schema as { def?: Record<string, unknown>; shape?: Record<string, unknown> };
  const inner = ['innerType', 'element', 'in', 'out', 'options'].flatMap((part) => def?.[part] ?? []);
  return [...Object.keys(shape ?? {}), ...[...Object.values(shape ?? {}), ...inner].flatMap((part) => keysOf(part, seen))];
}

describe('the README', () => {
  it('has every key that a policy may have', () => {
    const keys = [...new Set([...keysOf(documentSchema), 'argument', 'items', 'base', 'one_of', 'at_least', 'hosts', 'inside'])];
    expect(keys).toEqual(expect.arrayContaining(['allowed_tools', 'never_both', 'trial_calls', 'self_approval', 'at_most', 'restricts']));
    expect(keys.filter((key) => !new RegExp(`\`[^\`]*\\b${key}\\b|^ +approval: .*\\b${key}\\b`, 'm').test(readme))).toEqual([]);
  });

  it.each([...codes('errors.ts'), ...codes('lint/note.ts')])('names %s', (code) => {
    expect(readme).toContain(`\`${code}\``);
  });

  it('shows what really happens', async () => {
    const { compilePolicy, createState, decide, parsePolicy } = await import('../src/index.js');
    const text = /parsePolicy\('([^']+)'/.exec(readme)?.[1] ?? '';
    const action = { tool: 'read_database', arguments: { table: 'invoices' }, agent: 'billing-bot', session: 'a1b2' };
    const { decision, rule } = decide(compilePolicy(parsePolicy(text)), createState(), action, 0);
    expect(readme).toContain(`// ${decision} ${rule}\n`);
  });
});

describe('the package', () => {
  const files = readdirSync(folder('src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const imports = files.flatMap((file) => [...source(file).matchAll(/from '([^']+)'/g)].map((match) => match[1] as string));

  it('imports nothing but its own files, re2js, yaml and zod', () => {
    expect(imports.filter((specifier) => !/^(\.|re2js$|yaml$|zod$)/.test(specifier))).toEqual([]);
  });

  it('asks no clock, no randomness and no runtime', () => {
    const code = files.flatMap((file) =>
      source(file)
        .split('\n')
        .map((line) => `${file}: ${line.replace(/'[^']*'|`[^`]*`/g, '')}`),
    );
    const impure = /\b(Date\.now|new Date|performance\.|Math\.random|process\.|setTimeout|console\.|Buffer\b|require\()/;
    expect(code.filter((line) => !/: \s*(\/\/|\*|\/\*)/.test(line) && impure.test(line))).toEqual([]);
  });
});
