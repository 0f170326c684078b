// A receiver of webhooks: keeps what it was sent, and answers what the test says.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

export interface Delivered {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** As the specification's own library reads it; undefined when the signature is not right. */
  readonly message: WebhookMessage | undefined;
}

export interface WebhookMessage {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export class WebhookReceiver {
  readonly delivered: Delivered[] = [];
  /** Statuses of the next answers; then 204. 0: none at all. */
  readonly script: { readonly status: number; readonly headers?: Readonly<Record<string, string>> }[] = [];
  private waiting: { readonly met: () => boolean; readonly resolve: () => void }[] = [];
  private readonly server = createServer((request, response) => this.take(request, response));

  constructor(private readonly secret = SECRET) {}

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hooks/t0p-s3cret`;
  }

  get codes(): readonly unknown[] {
    return this.delivered.map(({ message }) => message?.data['code']);
  }

  /** Resolves once `met` is true, looked at after every request. */
  async until(met: () => boolean): Promise<void> {
    if (met()) return;
    await new Promise<void>((resolve) => this.waiting.push({ met, resolve }));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString('utf8');
      const headers = request.headers as Record<string, string>;
      this.delivered.push({ id: headers['webhook-id'] ?? '', headers, body, message: this.verified(body, headers) });
      const { status, headers: extra } = this.script.shift() ?? { status: 204 };
      if (status > 0) response.writeHead(status, extra).end();
      for (const waiter of this.waiting.filter(({ met }) => met())) waiter.resolve();
    });
  }

  private verified(body: string, headers: Record<string, string>): WebhookMessage | undefined {
    try {
      return new Webhook(this.secret).verify(body, headers) as WebhookMessage;
    } catch {
      return undefined;
    }
  }
}
