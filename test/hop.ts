import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { type StoredSpan, spansIn } from '../packages/collector/test/stored-spans.js';

/**
 * A hop between agents and a collector: one address that stays, whichever collector is behind it. It passes requests on, tells of
 * what was acknowledged, and, as long as it is told to, changes what passes.
 */
export class Hop {
  /** Origin of the collector; undefined while there is none: connections are taken away. */
  to: string | undefined;
  /** What goes on in place of a request: as many requests as it answers, all to be acknowledged. */
  change: (body: Buffer) => readonly Buffer[] = (body) => [body];
  /** Called with the spans of each request that the collector has acknowledged. */
  acknowledged: (spans: readonly StoredSpan[]) => void = () => undefined;
  private requests = 0;
  private readonly waiting = new Set<() => void>();
  private readonly server = createServer((request, response) => {
    void this.pass(request, response).catch(() => response.destroy());
  });

  /** @returns the address for agents */
  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Resolves when so many further requests have come, answered or not. */
  async after(more: number): Promise<void> {
    const target = this.requests + more;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.requests < target) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
    });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const sent = Buffer.concat(parts);
    this.requests++;
    for (const look of this.waiting) look();
    if (this.to === undefined) {
      response.destroy();
      return;
    }
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    let last: { readonly status: number; readonly body: Uint8Array } = { status: 200, body: new Uint8Array() };
    for (const changed of this.change(body)) {
      last = await this.post(changed, request.headers);
      if (last.status !== 200) break;
    }
    if (last.status === 200) this.acknowledged(spansIn(body));
    response.writeHead(last.status, { 'content-type': 'application/x-protobuf' }).end(last.body);
  }

  private async post(body: Buffer, { authorization }: IncomingMessage['headers']): Promise<{ status: number; body: Uint8Array }> {
    const response = await fetch(`${this.to}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', ...(authorization !== undefined && { authorization }) },
      body: new Uint8Array(body),
    });
    return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
  }
}
