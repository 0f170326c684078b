// Controls, line and paragraph separators, what turns the direction of writing, and what is not seen at all: an agent that names a tool
// "\x1b[2J" must not be able to repaint the auditor's terminal, nor one named with U+202E to reverse what is read, nor one with U+200B
// or tag characters to say to a model what a human does not see. Joiners and variation selectors stay: scripts and emoji need them.
const UNPRINTABLE =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\u{ad}\u{200b}\u{2060}-\u{2064}\u{feff}\u{fff9}-\u{fffb}\u{115f}\u{1160}\u{3164}\u{ffa0}\u{e0000}-\u{e007f}]/gu;

/**
 * Text fit for a terminal or a log line: control characters are shown as escapes, never sent.
 *
 * @example printable('\u001b[31mred') // '\\x1b[31mred'
 */
export function printable(text: string): string {
  return text.toWellFormed().replace(UNPRINTABLE, escaped);
}

/**
 * Text of several lines, each fit to be shown; line ends of any kind are kept as `\n`.
 *
 * @example printableLines('first\r\nsecond\u001b') // 'first\nsecond\\x1b'
 */
export function printableLines(text: string): string {
  return text.replace(/\r\n?/g, '\n').split('\n').map(printable).join('\n');
}

/**
 * JSON fit for a terminal: the same value, with what would act on one, or could not be seen, as escapes of JSON.
 *
 * @example printableJson('"a\u009bb"') // '"a\\u009bb"'
 */
export function printableJson(json: string): string {
  const line = (text: string): string => text.replace(UNPRINTABLE, (character) => character.split('').map(unit).join(''));
  return json.split('\n').map(line).join('\n');
}

/** One UTF-16 code unit as JSON escapes it. */
function unit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}
