import { createReadStream } from 'node:fs';
import { ChainError, type SpanView } from '@agent-custody/chain';
import { spansOfJson } from '@agent-custody/chain/otlp';
import { bundleMember } from '../handover/bundle.js';

/** One line of a file of OTLP/JSON requests: its spans, or what is wrong with it. */
export type FileLine =
  | {
      readonly type: 'spans';
      readonly line: number;
      readonly spans: readonly SpanView[];
      /** Of a line of a bundle: what it says of itself, and the line as it stands. */
      readonly bundle?: { readonly member: unknown; readonly bytes: Uint8Array };
    }
  | { readonly type: 'problem'; readonly line: number; readonly problem: string };

/** A longer line is not one request: an OTLP receiver takes 64 MiB, and a string of V8 ends at 512 MiB. */
const MAX_LINE_BYTES = 268_435_456;
const NEWLINE = 0x0a;

/**
 * Reads OTLP/JSON requests, one a line, as a stream: memory holds one line at a time. A line that is no request is handed out as a
 * problem, and reading goes on behind it. Empty lines are passed over.
 *
 * @param input chunks of bytes: standard input, or {@link openFile}
 * @throws what the input throws when it cannot be read
 */
export async function* readRequests(input: AsyncIterable<Uint8Array>): AsyncGenerator<FileLine> {
  let number = 0;
  for await (const bytes of lines(input)) {
    number++;
    const read = readLine(bytes, number);
    if (read !== undefined) yield read;
  }
}

/** Opens a file for {@link readRequests}. Errors come when it is read. */
export function openFile(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path, { highWaterMark: 1 << 20 });
}

function readLine(bytes: Uint8Array | 'too long', line: number): FileLine | undefined {
  if (bytes === 'too long')
    return { type: 'problem', line, problem: `longer than ${MAX_LINE_BYTES} bytes: one OTLP/JSON request a line is expected` };
  try {
    // Fatal: bytes that are no UTF-8 must not be mended before they are judged. A byte order mark is dropped.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (text.trim() === '') return undefined;
    const request: unknown = JSON.parse(text);
    const member = bundleMember(request);
    return { type: 'spans', line, spans: spansOfJson(request), ...(member !== undefined && { bundle: { member, bytes } }) };
  } catch (error) {
    return { type: 'problem', line, problem: explain(error) };
  }
}

function explain(error: unknown): string {
  if (error instanceof ChainError) return error.message;
  if (error instanceof SyntaxError) return `no JSON: ${error.message}`;
  if (error instanceof TypeError) return 'no UTF-8';
  throw error;
}

/**
 * The lines of a byte stream. node:readline would also split at U+2028 and at a lone carriage return, both of which may stand
 * inside a line of JSON.
 */
async function* lines(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array | 'too long'> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const take = (part: Uint8Array): void => {
    length += part.length;
    if (length <= MAX_LINE_BYTES) parts.push(part);
    else parts = [];
  };
  const finish = (): Uint8Array | 'too long' => {
    const line = length > MAX_LINE_BYTES ? 'too long' : Buffer.concat(parts);
    parts = [];
    length = 0;
    return line;
  };
  for await (const chunk of input) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, at));
      from = at + 1;
      yield finish();
    }
    if (from < chunk.length) take(chunk.subarray(from));
  }
  if (length > 0) yield finish();
}
