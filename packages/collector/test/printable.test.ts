import { expect, test } from 'vitest';
import { printable, printableJson, printableLines } from '../src/printable.js';

test.each([
  ['an escape sequence', '\u001b[31mred', '\\x1b[31mred'],
  ['one of a single character', '\u009b31m', '\\x9b31m'],
  ['what turns the direction of writing', 'exe.\u202Egnp', 'exe.\\u202egnp'],
  ['what is not seen', 'safe\u200b\u{e0041}', 'safe\\u200b\\u{e0041}'],
  ['a line end', 'a\r\nb', 'a\\x0d\\x0ab'],
  ['half a character', 'a\ud800b', 'a\ufffdb'],
])('%s is shown as an escape', (_what, text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('what scripts and emoji need stays', () => {
  for (const text of ['👩‍💻', '❤️', 'می‌خواهم', 'naïve', '日本']) expect(printable(text)).toBe(text);
});

test('lines stay lines, however they end, and each is fit to be shown', () => {
  expect(printableLines('a\r\nb\rc\n\u001b[2Jd')).toBe('a\nb\nc\n\\x1b[2Jd');
});

test('JSON says the same to whoever parses it, and nothing to a terminal', () => {
  const value = { detail: 'a\u009bb\u202e\u{e0041}\u007f', list: ['\u001b[2J', '👩‍💻'] };
  const json = printableJson(JSON.stringify(value, null, 2));
  expect(JSON.parse(json)).toEqual(value);
  expect(json.split('\n').map(printable).join('\n')).toBe(json);
});
