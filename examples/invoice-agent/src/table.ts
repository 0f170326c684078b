import { stripVTControlCharacters, styleText } from 'node:util';
import { ATTR } from '@agent-custody/chain';
import type { Link } from './collector-api.js';

const COLUMNS = [
  ['seq', 3],
  ['kind', 14],
  ['tool', 16],
  ['reason', 17],
  ['prev → hash', 13],
  ['verdict', 7],
] as const;

/** The chain as a table that fits 80 columns. */
export function chainTable(links: readonly Link[], colour: boolean): string {
  const row = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => fit(cell, COLUMNS[i]?.[1] ?? 0))
      .join('  ')
      .trimEnd();
  const rule = row(COLUMNS.map(([, width]) => '─'.repeat(width)));
  const nested = new Set(links.filter((link) => link.attributes[ATTR.actionParentId]).map((link) => link.attributes[ATTR.actionId]));
  const body = links.map((link) => {
    const line = row([
      String(link.seq),
      link.kind,
      tool(link, nested),
      link.content[ATTR.reason] ?? '',
      `${link.prev.slice(0, 6)}→${link.hash.slice(0, 6)}`,
      link.status,
    ]);
    return colour && link.status !== 'linked' ? styleText('red', line) : line;
  });
  return [row(COLUMNS.map(([name]) => name)), rule, ...body].join('\n');
}

/** An action begun inside another one, such as a call to an MCP server by a tool of the framework, is set in. */
function tool(link: Link, nested: ReadonlySet<unknown>): string {
  const name = link.attributes[ATTR.toolName];
  if (typeof name !== 'string') return '';
  return nested.has(link.attributes[ATTR.actionId]) ? `└ ${name}` : name;
}

/** What an agent says may hold anything: control characters are not for a terminal. */
function fit(cell: string, width: number): string {
  const plain = stripVTControlCharacters(cell).replace(/\p{Cc}+/gu, ' ');
  return plain.length > width ? `${plain.slice(0, width - 1)}…` : plain.padEnd(width);
}

/** Text in lines of at most 80 columns, set in; words longer than that stay whole. */
export function wrapped(text: string, indent: number): string {
  const margin = ' '.repeat(indent);
  const lines: string[] = [];
  for (const word of text.trim().split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= 80) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(margin + word);
  }
  return lines.join('\n');
}
