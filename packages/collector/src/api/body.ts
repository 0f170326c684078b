import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { ApiError } from './answer.js';

/** Bytes of a body unless more is asked for: whoever is not known yet may hold no more of the collector's memory on each connection. */
const BODY_LIMIT = 64 * 1024;

/**
 * The text of a JSON request. A web page on this machine cannot send one unasked: `application/json` needs a preflight, which
 * nothing here answers.
 *
 * @param limit bytes
 * @throws ApiError `unsupported_media_type`, `too_large`, `bad_request`
 */
export async function readJsonText(request: IncomingMessage, limit?: number): Promise<string> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') throw new ApiError('unsupported_media_type', 'send application/json');
  return readText(request, limit);
}

/**
 * The text of a request's body.
 *
 * @param limit bytes
 * @throws ApiError `too_large`, `bad_request`
 */
export async function readText(request: IncomingMessage, limit = BODY_LIMIT): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > limit) throw new ApiError('too_large', `the body is over ${limit} bytes`);
      pieces.push(piece);
    }
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError('bad_request', 'the body broke off');
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Parses a body. Says which part is wrong, never what it holds. @throws ApiError `bad_request` */
export function parseBody<S extends z.ZodType>(schema: S, text: string): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiError('bad_request', 'the body is not JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new ApiError('bad_request', `${issue?.path.join('.') || 'the body'}: ${issue?.message ?? 'not as expected'}`);
}
