import { ATTR, LINK_STATUSES, type LinkStatus } from '@agent-custody/chain';
import type { ForwardPart, SpanGroup } from './types.js';
import { putVarint, varintSize } from './wire.js';

const RESOURCE_SPANS_TAG = 0x0a;
const SCOPE_SPANS_TAG = 0x12;
const SPANS_TAG = 0x12;

/** `custody.link.status` as a field of Span (attributes = 9): protobuf takes fields in any order, so it is put at the end. */
const STATUS_FIELD = Object.fromEntries(LINK_STATUSES.map((status) => [status, statusField(status)])) as Record<LinkStatus, Uint8Array>;
const NOTHING = new Uint8Array(0);

function statusField(status: LinkStatus): Uint8Array {
  const key = Buffer.from(ATTR.status);
  const value = Buffer.from(status);
  const anyValue = Buffer.from([0x0a, value.length, ...value]);
  const keyValue = Buffer.from([0x0a, key.length, ...key, 0x12, anyValue.length, ...anyValue]);
  return Buffer.from([0x4a, keyValue.length, ...keyValue]);
}

/** Parts under one scope, and how many bytes they take there. */
interface ScopeSpans {
  readonly scope: Uint8Array;
  readonly parts: ForwardPart[];
  size: number;
}

interface ResourceSpans {
  readonly resource: Uint8Array;
  readonly scopes: Map<string, ScopeSpans>;
}

/**
 * Puts spans together to an OTLP ExportTraceServiceRequest in protobuf: their own bytes, with `custody.link.status` spliced in
 * where there is a status. Spans of equal resource and scope come under one, in the order given; so spans that were held, and
 * leave later and from other requests, cost no more than fresh ones.
 *
 * @example assemble(scanned.spans.map((span) => ({ group: scanned.groups[span.group], span: span.bytes })))
 */
export function assemble(parts: readonly ForwardPart[]): Uint8Array {
  const resources = grouped(parts);
  let total = 0;
  const sizes: number[] = [];
  for (const { resource, scopes } of resources) {
    let size = resource.length;
    for (const scope of scopes.values()) size += fieldSize(scope.size);
    sizes.push(size);
    total += fieldSize(size);
  }
  const out = new Uint8Array(total);
  let at = 0;
  for (const [index, { resource, scopes }] of resources.entries()) {
    at = header(out, at, RESOURCE_SPANS_TAG, sizes[index] as number);
    at = copy(out, at, resource);
    for (const { scope, parts: spans, size } of scopes.values()) {
      at = header(out, at, SCOPE_SPANS_TAG, size);
      at = copy(out, at, scope);
      for (const { span, status } of spans) {
        const suffix = suffixOf(status);
        at = header(out, at, SPANS_TAG, span.length + suffix.length);
        at = copy(out, at, span);
        at = copy(out, at, suffix);
      }
    }
  }
  return out;
}

function grouped(parts: readonly ForwardPart[]): readonly ResourceSpans[] {
  const known = new Map<SpanGroup, ScopeSpans>();
  const resources = new Map<string, ResourceSpans>();
  for (const part of parts) {
    let scope = known.get(part.group);
    if (scope === undefined) {
      scope = placeOf(part.group, resources);
      known.set(part.group, scope);
    }
    scope.parts.push(part);
    scope.size += fieldSize(part.span.length + suffixOf(part.status).length);
  }
  return [...resources.values()];
}

function placeOf({ resource, scope }: SpanGroup, resources: Map<string, ResourceSpans>): ScopeSpans {
  const resourceKey = bytesKey(resource);
  let under = resources.get(resourceKey);
  if (under === undefined) {
    under = { resource, scopes: new Map() };
    resources.set(resourceKey, under);
  }
  const scopeKey = bytesKey(scope);
  let place = under.scopes.get(scopeKey);
  if (place === undefined) {
    place = { scope, parts: [], size: scope.length };
    under.scopes.set(scopeKey, place);
  }
  return place;
}

/** One character a byte: equal strings for equal bytes. */
function bytesKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function suffixOf(status: LinkStatus | undefined): Uint8Array {
  return status === undefined ? NOTHING : STATUS_FIELD[status];
}

/** A length-delimited field with a one-byte tag. */
function fieldSize(contentSize: number): number {
  return 1 + varintSize(contentSize) + contentSize;
}

function header(out: Uint8Array, at: number, tag: number, length: number): number {
  out[at] = tag;
  return putVarint(out, at + 1, length);
}

function copy(out: Uint8Array, at: number, bytes: Uint8Array): number {
  out.set(bytes, at);
  return at + bytes.length;
}
