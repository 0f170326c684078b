import { setTimeout } from 'node:timers/promises';
import { waitOf } from '../forward/answer.js';
import { TempoError } from './errors.js';

/** Where Tempo's query API is, and who asks. */
export interface TempoAddress {
  /** Such as `http://127.0.0.1:3200`; a path in front of `/api`, as a gateway has one, is kept. */
  readonly url: string;
  /** The tenant: `X-Scope-OrgID`. */
  readonly org?: string | undefined;
  /** Of every request, such as credentials. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface RequestOptions {
  /** Of one request, answer included, ms (default 30 000): right after Tempo's start one may hang for minutes. */
  readonly timeoutMs?: number | undefined;
  /** Times that one request is sent again (default 3). */
  readonly retries?: number | undefined;
  /** Ends everything that is under way. */
  readonly signal?: AbortSignal | undefined;
  /** How waits are taken; by default on the clock. */
  readonly sleep?: ((ms: number) => Promise<void>) | undefined;
}

/** What Tempo said. */
export interface TempoAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_RETRIES = 3;
const FIRST_WAIT_MS = 500;
/** What a Retry-After may ask for at most: somebody waits for this answer. */
const LONGEST_WAIT_MS = 60_000;
/** More of an answer is not read: what Tempo keeps of one trace is 5 MB by default. */
const ANSWER_BYTES = 256 << 20;

/**
 * Asks Tempo, again where it is busy or out of reach for a moment, and not before it wants to be asked.
 *
 * @param path from `/api` on, query included
 * @param accept the encoding wanted
 * @param taken statuses beside 200 that are an answer and no failure
 * @throws TempoError
 * @example const { body } = await ask({ url: 'http://127.0.0.1:3200' }, '/api/status/buildinfo', 'application/json');
 */
export async function ask(
  address: TempoAddress,
  path: string,
  accept: string,
  taken: readonly number[] = [],
  options: RequestOptions = {},
): Promise<TempoAnswer> {
  const sleep = options.sleep ?? setTimeout;
  for (let attempt = 0; ; attempt++) {
    try {
      const { answer, retryAfter } = await send(address, path, accept, options);
      if (answer.status === 200 || taken.includes(answer.status)) return answer;
      throw refusalOf(answer, originOf(address), waitOf(retryAfter ?? undefined, Date.now()));
    } catch (error) {
      if (!(error instanceof TempoError) || !PASSING.has(error.code)) throw error;
      // Whoever waited a whole timeout in vain is not helped by three more of them.
      const retries = Math.min(options.retries ?? DEFAULT_RETRIES, error.code === 'timeout' ? 1 : Number.POSITIVE_INFINITY);
      if (attempt >= retries || options.signal?.aborted) throw error;
      await sleep(Math.min(error.retryAfterMs ?? FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS));
    }
  }
}

const PASSING: ReadonlySet<string> = new Set(['busy', 'timeout', 'unreachable', 'failed']);

async function send(
  address: TempoAddress,
  path: string,
  accept: string,
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: RequestOptions,
): Promise<{ readonly answer: TempoAnswer; readonly retryAfter: string | null }> {
  const server = originOf(address);
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(`${address.url.replace(/\/+$/, '')}${path}`, {
      headers: { ...address.headers, ...(address.org !== undefined && { 'x-scope-orgid': address.org }), accept },
      // A login page that one is led to is no answer, and headers go where they were told to and nowhere else.
      redirect: 'manual',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    const answer = {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      body: await bodyOf(response, server),
    };
    return { answer, retryAfter: response.headers.get('retry-after') };
  } catch (error) {
    if (error instanceof TempoError) throw error;
    if (timeout.aborted) {
      throw new TempoError('timeout', `${server}: no answer from Tempo within ${timeoutMs / 1000} s; is it starting, or overloaded?`, {
        cause: error,
      });
    }
    throw new TempoError(
      'unreachable',
      `${server}: Tempo cannot be reached: ${reasonOf(error)}; check the URL (its query API, port 3200)`,
      {
        cause: error,
      },
    );
  }
}

async function bodyOf(response: Response, server: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > ANSWER_BYTES) throw new TempoError('too_large', `${server}: an answer of more than ${ANSWER_BYTES} bytes is not read`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function refusalOf({ status, body }: TempoAnswer, server: string, retryAfterMs: number | undefined): TempoError {
  const said = excerptOf(body);
  switch (status) {
    case 401:
    case 403:
      return new TempoError(
        'unauthorised',
        `${server}: Tempo answered ${status}${said}; name the tenant (--org) or give credentials (--tempo-query-header)`,
      );
    case 400:
      return new TempoError('refused', `${server}: Tempo refused the query${said}`);
    case 413:
    case 422:
      return new TempoError('too_large', `${server}: Tempo does not answer in one piece${said}`);
    case 429:
      return new TempoError('busy', `${server}: Tempo has too much to do (429)${said}; try again later, or over less time`, {
        retryAfterMs,
      });
    default:
      if (status >= 500) return new TempoError('failed', `${server}: Tempo failed (${status})${said}`, { retryAfterMs });
      return new TempoError(
        'not_tempo',
        `${server}: answered ${status}, which is not Tempo's query API; name that one (port 3200 by default), not where spans are sent to`,
      );
  }
}

/** The first line of a text answer, for people. */
function excerptOf(body: Buffer): string {
  const [line = ''] = body.subarray(0, 300).toString('utf8').trim().split('\n');
  return line === '' || line.startsWith('<') ? '' : `: ${line}`;
}

/** Scheme, host and port: a path or a query may hold what is nobody's business. */
export function originOf({ url }: TempoAddress): string {
  return new URL(url).origin;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error) return cause.message;
  return error instanceof Error ? error.message : String(error);
}
