// Controls, line and paragraph separators, and what turns the direction of writing: an agent that names a tool "\x1b[2J" must not
// be able to repaint the auditor's terminal, nor one named with U+202E to reverse what is read.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/**
 * Text fit for a terminal or a log line: control characters are shown as escapes, never sent.
 *
 * @example printable('\u001b[31mred') // '\\x1b[31mred'
 */
export function printable(text: string): string {
  return text.toWellFormed().replace(UNPRINTABLE, escaped);
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
