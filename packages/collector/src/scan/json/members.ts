import { IntakeError } from '../error.js';

/** Nested deeper than any honest request; decoders downstream stop at a hundred messages. */
const MAX_DEPTH = 128;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Refuses JSON in which an object has one member twice, or that is nested too deep. JSON.parse keeps the last of two members and
 * other parsers the first: a proxy that inspects, and the collector, would read different links from one text (RFC 8785 builds on
 * I-JSON, RFC 7493 §2.3, which forbids it).
 *
 * @param text well-formed JSON
 * @throws IntakeError `bad_data`
 */
export function checkMembers(text: string): void {
  /** Names seen in each open object; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  let i = 0;
  while (i < text.length) {
    switch (text.charCodeAt(i)) {
      case 0x7b: // {
      case 0x5b: // [
        if (open.length === MAX_DEPTH) throw new IntakeError('bad_data', `JSON nested deeper than ${MAX_DEPTH} levels at character ${i}`);
        open.push(text.charCodeAt(i) === 0x7b ? new Set() : undefined);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        break;
      case QUOTE: {
        const end = stringEnd(text, i);
        const names = open.at(-1);
        // A string that a colon follows is a name, and only an object has those.
        if (names !== undefined && nextIsColon(text, end)) {
          const name = memberName(text.slice(i, end));
          if (names.has(name)) throw new IntakeError('bad_data', `a JSON object has one member twice, at character ${i}; send each once`);
          names.add(name);
        }
        i = end;
        continue;
      }
    }
    i++;
  }
}

/** The index after the string that starts at `start`. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}

function nextIsColon(text: string, from: number): boolean {
  let i = from;
  while (text.charCodeAt(i) <= 0x20) i++;
  return text.charCodeAt(i) === 0x3a;
}

function memberName(literal: string): string {
  return literal.includes('\\') ? (JSON.parse(literal) as string) : literal.slice(1, -1);
}
