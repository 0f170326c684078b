import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Scanned } from '../scan/types.js';

/** Whose links a request may carry: those of its token's agents, or of any agent. */
export interface Caller {
  readonly agents: ReadonlySet<string> | 'all';
}

/** What the engine says to a batch. */
export type IngestAnswer =
  /** All but `rejectedSpans` are durable. `message` without rejected spans is a warning to the client. */
  | { readonly type: 'accepted'; readonly rejectedSpans: number; readonly message?: string }
  /** Nothing was kept; the client shall send the same again. */
  | { readonly type: 'busy'; readonly retryAfterSeconds: number };

/** A secret as it is kept: the SHA-256 of its UTF-8 bytes, 64 lower-case hex. Tokens are random, so that a plain hash tells nothing. */
export interface IngestToken {
  readonly sha256: string;
  readonly agents: ReadonlySet<string> | 'all';
}

export interface ReceiverLimits {
  /** Bytes of a body as sent (default 20 MiB): 413. */
  readonly bodyBytes: number;
  /** Bytes of a body once inflated (default 64 MiB): 413. */
  readonly inflatedBytes: number;
  /** Bytes of a JSON body once inflated (default 16 MiB): 413. Parsed, JSON takes ten times its size. */
  readonly jsonBytes: number;
  /** Spans in one request (default 50 000): 413. */
  readonly spansPerRequest: number;
  /** Attributes on one span (default 1 024): that span is rejected by partial_success. */
  readonly attributesPerSpan: number;
  /** Requests being received or ingested at one time (default 512): 503. */
  readonly requestsInFlight: number;
  /** Bytes of bodies held at one time, as sent and inflated together (default 256 MiB): 503. */
  readonly bytesInFlight: number;
  /** Connections open at one time (default 4 096): more are closed unheard. */
  readonly connections: number;
}

export interface ReceiverTimeouts {
  /** From the first byte of a request to the end of its headers, ms (default 10 000). */
  readonly headersMs: number;
  /** From the first byte of a request to the end of its body, ms (default 30 000): what ends a slowloris. */
  readonly requestMs: number;
  /** How long an idle connection is kept, ms (default 65 000). */
  readonly keepAliveMs: number;
}

/** One answered request, for metrics. Never holds what the request said. */
export interface RequestRecord {
  /** The HTTP status, or 499 when the client went away before it was answered. */
  readonly status: number;
  readonly seconds: number;
  /** Spans in the request, 0 when it was refused. */
  readonly spans: number;
  /** Of {@link spans}, those not taken. */
  readonly rejectedSpans: number;
  /** Bytes of the body as sent. */
  readonly bytes: number;
}

export type ReceiverLog = (
  level: 'error' | 'warn' | 'info' | 'debug',
  message: string,
  fields?: Readonly<Record<string, string | number>>,
) => void;

export interface ReceiverOptions {
  /** Address to bind (default 127.0.0.1). */
  readonly host?: string;
  /** Port to bind (default 4318); 0 takes a free one. */
  readonly port?: number;
  /** Where traces are posted (default `/v1/traces`). */
  readonly path?: string;
  /** PEM text; with it the receiver speaks HTTPS alone. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Who may send. Empty or absent: anyone, for any agent. */
  readonly ingestTokens?: readonly IngestToken[];
  /** sha256 hex of the reader's token. Absent: anyone may read. */
  readonly readerTokenSha256?: string;
  /** Paths that need no reader's token, compared exactly (default `/healthz` and `/readyz`). */
  readonly publicPaths?: readonly string[];
  /** Paths whose handler asks for what it needs itself, such as a sign-in: no reader's token is asked for. */
  readonly guardsItself?: (path: string) => boolean;
  readonly limits?: Partial<ReceiverLimits>;
  readonly timeouts?: Partial<ReceiverTimeouts>;
  /** Seconds that a client is told to wait when the receiver itself is at a limit (default 1). */
  readonly retryAfterSeconds?: number;
  /** Makes the batch durable; only then is it answered. What it throws is answered 503, so that the client sends again. */
  readonly ingest: (scanned: Scanned, caller: Caller) => Promise<IngestAnswer>;
  /**
   * Answers every request that is not for {@link path}; false says that there is no such page (404). `reader` is whether the
   * request may see what is recorded: always true on a path that is not public, as others were answered 401 before.
   */
  readonly handleOther?: (
    request: IncomingMessage,
    response: ServerResponse,
    auth: { readonly reader: boolean },
  ) => boolean | Promise<boolean>;
  readonly onRequest?: (record: RequestRecord) => void;
  readonly log?: ReceiverLog;
}

export interface Receiver {
  /** Binds and listens. Rejects with a {@link ReceiverError} when it cannot. */
  listen(): Promise<{ readonly host: string; readonly port: number }>;
  /**
   * Accepts nothing more, lets what is in flight finish, and resolves when the last connection is closed; what has not finished
   * after `graceMs` (default 10 000) is cut off.
   */
  close(graceMs?: number): Promise<void>;
}
