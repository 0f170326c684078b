import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

// architecture: the core is pure; the two shells import the core, never each other.

const root = fileURLToPath(new URL('..', import.meta.url));

function sources(folder: string): { readonly file: string; readonly text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/(^|[\\/])(node_modules|dist)[\\/]|\.d\.ts$/.test(file))
    .map((file) => ({
      file: relative(root, join(root, folder, file))
        .split(sep)
        .join('/'),
      text: readFileSync(join(root, folder, file), 'utf8'),
    }));
}

const IMPORT = /(?:from\s+|import\s+|import\()'([^']+)'/g;

function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((match) => match[1] as string);
}

function offenders(folder: string, forbidden: (specifier: string) => boolean): string[] {
  return sources(folder).flatMap(({ file, text }) =>
    importsOf(text)
      .filter(forbidden)
      .map((specifier) => `${file}: ${specifier}`),
  );
}

describe('layering', () => {
  test('chain imports nothing but @noble/hashes and zod', () => {
    expect(offenders('packages/chain/src', (specifier) => !/^(\.|@noble\/hashes\/|zod$)/.test(specifier))).toEqual([]);
  });

  test('policy imports nothing but its parsers', () => {
    expect(offenders('packages/policy/src', (specifier) => !/^(\.|re2js$|yaml$|zod$)/.test(specifier))).toEqual([]);
  });

  test.each(['chain', 'policy'])('%s asks no clock, no randomness and no runtime', (name) => {
    const impure = /\b(Date\.now|performance\.|Math\.random|process\.|setTimeout|setInterval|console\.|Buffer\b)/;
    const lines = sources(`packages/${name}/src`).flatMap(({ file, text }) =>
      text
        .split('\n')
        .filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line) && impure.test(line.replace(/'[^']*'|`[^`]*`/g, '')))
        .map((line) => `${file}: ${line.trim()}`),
    );
    expect(lines).toEqual([]);
  });

  test('instrumentation and collector never import each other', () => {
    expect(offenders('packages/instrumentation/src', (specifier) => specifier.startsWith('@agent-custody/collector'))).toEqual([]);
    expect(offenders('packages/collector/src', (specifier) => specifier.startsWith('@agent-custody/instrumentation'))).toEqual([]);
  });

  test('packages are imported by their public names only', () => {
    for (const folder of ['packages/instrumentation/src', 'packages/collector/src', 'examples']) {
      expect(offenders(folder, (specifier) => /@agent-custody\/[a-z]+\/(src|dist)/.test(specifier))).toEqual([]);
    }
  });

  test('frameworks are only types to the adapters', () => {
    const framework = /^(ai|langchain|openai|@(ai-sdk|modelcontextprotocol|langchain|openai|anthropic-ai|mastra|google)\/.*)$/;
    const values = sources('packages/instrumentation/src').flatMap(({ file, text }) =>
      [...text.matchAll(/^import (?!type\b)[^;]*?from '([^']+)'/gms)]
        .map((match) => `${file}: ${match[1]}`)
        .filter((line) => framework.test(line.split(': ')[1] as string)),
    );
    expect(values).toEqual([]);
  });

  test('the top level holds what it is meant to hold, and nothing else', () => {
    const allowed = [
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      'packages',
      'examples',
      'grafana',
      'test',
      'README.md',
      'LICENSE',
      'CONTRIBUTING.md',
    ];
    const made = ['node_modules'];
    const entries = readdirSync(root).filter((entry) => !entry.startsWith('.') && !made.includes(entry));
    expect(entries.sort()).toEqual(allowed.sort());
  });

  test('no source file has more than 400 lines', () => {
    const long = ['packages', 'grafana', 'examples', 'test']
      .flatMap((folder) => sources(folder))
      .map(({ file, text }) => ({ file, lines: text.split('\n').length }))
      .filter(({ lines }) => lines > 401);
    expect(long).toEqual([]);
  });
});
