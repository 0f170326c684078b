import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { FACTS, type Facts, REACH } from './support/reach.js';

interface Reached {
  readonly framework: string;
  readonly version: string;
  readonly facts: Facts;
}

const BEGIN = '<!-- What is reachable: made from test/adapters/reach by UPDATE_README=1 and this package’s tests. -->';
const END = '<!-- End of what is reachable. -->';
const readme = fileURLToPath(new URL('../../README.md', import.meta.url));
/** What the columns are called; the names of the facts otherwise. */
const HEADINGS: Partial<Record<(typeof FACTS)[number], string>> = {
  callId: 'call id',
  toolType: 'tool type',
  systemPrompt: 'system prompt',
  crossCheck: 'cross-check',
  esm: 'ESM',
  cjs: 'CommonJS',
  node: 'every Node',
};

/** Facts down, frameworks across would be shorter; people look a framework up, and read its row. */
function table(all: readonly Reached[]): string {
  const notes: string[] = [];
  const noteOf = (why: string): string => {
    if (!notes.includes(why)) notes.push(why);
    return `[${notes.indexOf(why) + 1}]`;
  };
  const rows = all.map(({ framework, version, facts }) => {
    const cells = FACTS.map((name) => (facts[name] === 'yes' ? '✓' : noteOf(facts[name].replace(/^no: /, ''))));
    return `| ${framework} (${version}) | ${cells.join(' | ')} |`;
  });
  const head = `| framework (tested) | ${FACTS.map((name) => HEADINGS[name] ?? name).join(' | ')} |`;
  const legend = notes.map((why, index) => `${index + 1}. ${why}`).join('\n');
  return [
    head,
    `|---|${FACTS.map(() => '---').join('|')}|`,
    ...rows,
    ...(notes.length > 0 ? ['', 'Where there is a number:', '', legend] : []),
  ].join('\n');
}

it('the README says what is reachable where, as the tests observed it', () => {
  const all = readdirSync(REACH)
    .sort()
    .map((name) => JSON.parse(readFileSync(`${REACH}${name}`, 'utf8')) as Reached);
  const text = readFileSync(readme, 'utf8');
  const [before, rest] = text.split(`${BEGIN}\n`);
  const after = rest?.split(END)[1];
  const wanted = `${before}${BEGIN}\n\n${table(all)}\n\n${END}${after}`;
  if (process.env['UPDATE_README'] === '1' && rest !== undefined) writeFileSync(readme, wanted);
  expect(readFileSync(readme, 'utf8')).toBe(wanted);
});
