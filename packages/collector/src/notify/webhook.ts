import { Webhook } from 'standardwebhooks';
import { waitOf } from '../forward/answer.js';
import { type Posted, Poster } from '../forward/post.js';
import type { Notice } from '../ledger/ledger.js';
import type { Delivery, Sink } from './sink.js';

/** Where findings are posted, and what proves that they come from here. */
export interface WebhookOptions {
  readonly url: string;
  /** `whsec_…`; several while a secret is being replaced: the receiver takes any signature that it can check. */
  readonly secrets: readonly string[];
  /** Of one request, answer included, ms (default 15 000, as the specification asks for). */
  readonly timeoutMs?: number | undefined;
}

export const WEBHOOK_SINK = 'webhook';
const DEFAULT_TIMEOUT_MS = 15_000;

/** Answers that blame the message itself; every other 4xx blames its address, its sender or its method. */
const CONTENT: ReadonlySet<number> = new Set([400, 413, 415, 422]);
const GONE = 410;

/**
 * Posts findings one by one, signed by the Standard Webhooks specification: `webhook-id`, `webhook-timestamp` (of the attempt, so
 * that a delivery that was delayed is not taken for a replay) and `webhook-signature` over both and the body.
 */
export class WebhookSink implements Sink {
  readonly name: string;
  readonly batch = 1;
  private readonly poster: Poster;
  private readonly signers: readonly Webhook[];

  constructor(
    private readonly options: WebhookOptions,
    name = WEBHOOK_SINK,
  ) {
    this.name = name;
    this.poster = new Poster(new URL(options.url));
    this.signers = options.secrets.map((secret) => new Webhook(secret));
  }

  async deliver([notice]: readonly Notice[], signal: AbortSignal): Promise<Delivery> {
    if (notice === undefined) return { type: 'delivered' };
    const timeout = AbortSignal.timeout(this.options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    try {
      const now = new Date();
      const posted = await this.poster.post([Buffer.from(notice.body)], this.headers(notice, now), AbortSignal.any([timeout, signal]));
      return deliveryOf(posted, now.getTime());
    } catch (error) {
      // Not the error's own words: they hold the URL, which is a credential with many receivers.
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'network';
      return timeout.aborted
        ? { type: 'retry', failure: 'timeout', reason: 'timeout' }
        : { type: 'retry', failure: 'unreachable', reason: code };
    }
  }

  close(): Promise<void> {
    this.poster.close();
    return Promise.resolve();
  }

  private headers({ key, body }: Notice, now: Date): Record<string, string> {
    return {
      'content-type': 'application/json',
      'webhook-id': key,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
      'webhook-signature': this.signers.map((signer) => signer.sign(key, now, body)).join(' '),
    };
  }
}

/**
 * Reads an answer by the Standard Webhooks specification: any 2xx is success, 410 ends it, all else is failure and tried again. A
 * redirect is a failure too: it is not followed, findings go where they were told to.
 */
function deliveryOf({ status, retryAfter }: Posted, nowMs: number): Delivery {
  if (status >= 200 && status < 300) return { type: 'delivered' };
  const reason = `status_${status}`;
  if (status === GONE) return { type: 'gone', reason };
  if (CONTENT.has(status)) return { type: 'refused', reason };
  return { type: 'retry', failure: 'status', reason, afterMs: waitOf(retryAfter, nowMs) };
}
