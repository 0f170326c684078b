import type { Log } from '../engine/types.js';
import type { Ledger } from '../ledger/ledger.js';
import type { TlsTrust } from './post.js';

/** What the forwarder counts. */
export interface ForwardMetrics {
  /** Spans that Tempo has acknowledged and not rejected. */
  forwarded(spans: number): void;
  /** One request that did not succeed; `reason` is `network`, `timeout`, `status_NNN`, `rejected` (by partial success), `set_aside` or `ledger`. */
  failed(reason: string): void;
}

/** OTLP's names: what OTEL_EXPORTER_OTLP_COMPRESSION takes. */
export type Compression = 'gzip' | 'none';

export interface ForwarderOptions {
  readonly ledger: Ledger;
  /** Where to post: the whole URL, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of one request, answer included (default 10 000). */
  readonly timeoutMs?: number;
  /** How bodies are sent (default `gzip`). */
  readonly compression?: Compression;
  readonly tls?: TlsTrust;
  /** Waits between attempts: doubling from the first to the longest (default 500 ms and 30 s), with jitter. */
  readonly retry?: { readonly firstMs: number; readonly longestMs: number };
  readonly log: Log;
  readonly metrics: ForwardMetrics;
}

/** Drains the outbox to Tempo, in order, one request at a time. */
export interface Forwarder {
  /** There may be something to send. */
  wake(): void;
  /** Why the latest request did not succeed; undefined when it did, or there was none. */
  readonly lastError: string | undefined;
  /** Lets the request in flight finish for at most `timeoutMs`; the rest stays in the outbox for the next start. */
  close(timeoutMs: number): Promise<void>;
}
