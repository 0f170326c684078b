import type { LinkStatus, SpanView } from '@agent-custody/chain';

/** What spans of one ScopeSpans share. All of it is protobuf fields with their tags, ready to be copied into a new request. */
export interface SpanGroup {
  /** Every field of ResourceSpans but its spans: resource, schema_url and whatever a newer OTLP adds. */
  readonly resource: Uint8Array;
  /** Every field of ScopeSpans but its spans: scope, schema_url and whatever a newer OTLP adds. */
  readonly scope: Uint8Array;
}

/** One span as it came in: what the verifier reads of it, and the bytes to forward. Both are of the same bytes. */
export interface ScannedSpan {
  /** Ids and the attributes that a verifier looks at, without those that only a collector writes. */
  readonly view: SpanView;
  /** Whether any attribute is `custody.link.*` other than `custody.link.status` (SPEC.md, "What is a link"). */
  readonly isLinkClaim: boolean;
  /**
   * The Span message's own bytes (no tag, no length), what only a collector writes removed. Usually a
   * window on the request's body, which it keeps in memory: copy it to hold it for long.
   */
  readonly bytes: Uint8Array;
  /** Index into {@link Scanned.groups}. */
  readonly group: number;
  /** Attributes on the span as received, the removed ones included. */
  readonly attributeCount: number;
  /**
   * Whether the trace id is 16 bytes and the span id 8, neither zero. Do not forward one for which it is false: a store refuses
   * the whole request for a single bad id.
   */
  readonly validIds: boolean;
}

/** A request taken apart. */
export interface Scanned {
  readonly spans: readonly ScannedSpan[];
  readonly groups: readonly SpanGroup[];
  /** The gzip body that holds these spans and no others, as it was received; absent when it came otherwise. */
  readonly received?: Uint8Array | undefined;
}

/** A span to be sent on, with the status to splice in: none for a span that is no link. */
export interface ForwardPart {
  readonly group: SpanGroup;
  /** {@link ScannedSpan.bytes}. */
  readonly span: Uint8Array;
  readonly status?: LinkStatus | undefined;
  /** The request that it came with, and its place among that one's spans. */
  readonly from?: Scanned | undefined;
  readonly index?: number | undefined;
}
