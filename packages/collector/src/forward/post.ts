import { Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as TlsAgent } from 'node:https';

/** How a connection to the receiver proves itself, where it is TLS. PEM text each. */
export interface TlsTrust {
  /** Authorities to trust instead of the well-known ones. */
  readonly ca?: string;
  /** What the collector shows of itself (mutual TLS), with its key. */
  readonly cert?: string;
  readonly key?: string;
}

/** What a server said, as far as it is read. */
export interface Posted {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | undefined;
  readonly body: Buffer;
}

/** More of an answer is not read (OTLP's specification, "Response", asks for a limit). */
const ANSWER_BYTES = 64 * 1024;

/** Posts requests to one URL over connections that are kept. Redirects are not followed: evidence goes where it was told to. */
export class Poster {
  private readonly send: typeof requestHttp;
  private readonly agent: Agent;

  constructor(
    private readonly url: URL,
    tls: TlsTrust = {},
  ) {
    const secure = url.protocol === 'https:';
    this.send = secure ? requestHttps : requestHttp;
    this.agent = secure ? new TlsAgent({ keepAlive: true, ...tls }) : new Agent({ keepAlive: true });
  }

  /** @param body sent one after another as one body. Rejects when there is no answer, with the reason of `signal` if that is why. */
  post(body: readonly Uint8Array[], headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Posted> {
    return new Promise((resolve, reject) => {
      const length = body.reduce((sum, part) => sum + part.length, 0);
      const outgoing = this.send(this.url, {
        method: 'POST',
        agent: this.agent,
        headers: { ...headers, 'content-length': length },
        signal,
      });
      const failed = (error: Error): void => reject(signal.aborted ? signal.reason : error);
      outgoing.on('error', failed);
      outgoing.once('response', (response) => {
        read(response).then(resolve, failed);
      });
      for (const part of body) outgoing.write(part);
      outgoing.end();
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

async function read(response: IncomingMessage): Promise<Posted> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    // Leaving the loop takes the connection down with it.
    if (size > ANSWER_BYTES) break;
    parts.push(part);
  }
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    retryAfter: response.headers['retry-after'],
    body: Buffer.concat(parts),
  };
}
