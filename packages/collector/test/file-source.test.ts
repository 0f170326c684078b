import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type FileLine, readRequests } from '../src/verify/file-source.js';

const REQUEST = (name: string) =>
  JSON.stringify({
    resourceSpans: [
      { scopeSpans: [{ spans: [{ traceId: 'ab', spanId: 'cd', attributes: [{ key: 'name', value: { stringValue: name } }] }] }] },
    ],
  });

async function read(...chunks: (string | Uint8Array)[]): Promise<FileLine[]> {
  const out: FileLine[] = [];
  for await (const line of readRequests(Readable.from(chunks.map((chunk) => Buffer.from(chunk))))) out.push(line);
  return out;
}

const names = (lines: readonly FileLine[]) =>
  lines.map((line) => (line.type === 'spans' ? [line.line, line.spans[0]?.attributes[0]?.[1]] : [line.line, 'problem']));

describe('a file of requests', () => {
  it('is read line by line, wherever the chunks of the stream end', async () => {
    const text = Buffer.from(`${REQUEST('é')}\n${REQUEST('b')}\n`);
    const bytes = [...text].map((byte) => Uint8Array.of(byte));
    expect(names(await read(...bytes))).toEqual([
      [1, 'é'],
      [2, 'b'],
    ]);
  });

  it('may end without a newline, hold empty lines, carriage returns and a byte order mark', async () => {
    expect(names(await read(`\ufeff${REQUEST('a')}\r\n\n  \n${REQUEST('b')}`))).toEqual([
      [1, 'a'],
      [4, 'b'],
    ]);
  });

  it('is not split at U+2028, which may stand inside JSON', async () => {
    expect(names(await read(REQUEST('a\u2028b')))).toEqual([[1, 'a\u2028b']]);
  });

  it.each([
    ['no JSON', '{"resourceSpans": [', /no JSON/],
    ['no request', '{"resourceSpans": 1}', /not an OTLP\/JSON trace request/],
    ['an array', '[]', /not an OTLP\/JSON trace request/],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), /no UTF-8/],
  ])('keeps reading behind a line that is %s, and names it', async (_what, bad, problem) => {
    const lines = await read(Buffer.concat([Buffer.from(`${REQUEST('a')}\n`), Buffer.from(bad), Buffer.from(`\n${REQUEST('b')}\n`)]));
    expect(names(lines)).toEqual([
      [1, 'a'],
      [2, 'problem'],
      [3, 'b'],
    ]);
    expect(lines[1]).toMatchObject({ type: 'problem', line: 2, problem: expect.stringMatching(problem) });
  });

  it('that is empty holds nothing', async () => {
    expect(await read('')).toEqual([]);
  });
});
