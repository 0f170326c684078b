import http from 'node:http';
import https from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import type { Answer } from './answer.js';
import { EvidenceError, hasCode } from './errors.js';
import type { EvidenceRuntime } from './runtime.js';

const compress = promisify(gzip);
/** OTLP asks clients to bound what they read of an answer. */
const MAX_ANSWER_BYTES = 4 << 20;

interface PosterOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly compression: 'gzip' | 'none';
  readonly runtime: EvidenceRuntime;
}

/** Posts OTLP requests over connections that never keep the process alive. */
export interface Poster {
  /** Rejects when no whole answer came within the time, or when closed. */
  post(parts: readonly Uint8Array[]): Promise<Answer>;
  close(): void;
}

/**
 * Reads a collector's address.
 *
 * @throws EvidenceError `invalid_url`; the message leaves the URL out, for it may hold a password
 */
export function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new EvidenceError(
    'invalid_url',
    "the evidence channel's url is no http(s) URL: give the collector's whole address, such as http://127.0.0.1:4318/v1/traces",
  );
}

export function createPoster(options: PosterOptions): Poster {
  const { url } = options;
  const library = url.protocol === 'https:' ? https : http;
  const agent = new library.Agent({ keepAlive: true });
  const headers = {
    ...options.headers,
    'content-type': 'application/x-protobuf',
    ...(options.compression === 'gzip' ? { 'content-encoding': 'gzip' } : {}),
  };

  let closed = false;

  function send(body: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = library.request(url, { method: 'POST', agent, headers: { ...headers, 'content-length': body.length } });
      const cancelTimer = options.runtime.after(options.timeoutMs, () =>
        request.destroy(new Error(`no answer within ${options.timeoutMs} ms`)),
      );
      let answering = false;
      request.on('socket', (socket) => socket.unref());
      request.on('error', (error) => {
        cancelTimer();
        // A connection kept alive that the other side closed meanwhile says nothing about the collector.
        const stale = request.reusedSocket && hasCode(error, 'ECONNRESET') && !answering && !closed;
        if (stale) send(body).then(resolve, reject);
        else reject(error);
      });
      request.on('response', (response) => {
        answering = true;
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_ANSWER_BYTES) request.destroy(new Error('the answer is too long'));
          else chunks.push(chunk);
        });
        response.on('error', (error) => {
          cancelTimer();
          reject(error);
        });
        response.on('end', () => {
          cancelTimer();
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers['content-type'] ?? '',
            retryAfter: response.headers['retry-after'],
            body: Buffer.concat(chunks),
          });
        });
      });
      request.end(body);
    });
  }

  return {
    async post(parts) {
      const whole = Buffer.concat(parts);
      const body = options.compression === 'gzip' ? await compress(whole, { level: 1 }) : whole;
      // The application's own http instrumentation must not make spans of these requests: each would be exported in turn, and in
      // a trace of the application's.
      return context.with(suppressTracing(ROOT_CONTEXT), () => send(body));
    },
    close() {
      closed = true;
      agent.destroy();
    },
  };
}
