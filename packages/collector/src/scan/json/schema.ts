// The messages of an OTLP trace request by their JSON names: opentelemetry-proto, trace/v1, common/v1 and resource/v1. What is not
// here is unknown to OTLP, and ignored as it asks for.

export type Scalar =
  | 'string'
  | 'enum'
  | 'uint32'
  | 'fixed32'
  | 'fixed64'
  /** Hex of either case. */
  | 'id'
  /** A span's own id: what is no hex is no id (SPEC.md: malformed), where another id of that kind would be a bad request. */
  | 'ownId'
  | 'keyValue';

export interface Field {
  readonly number: number;
  readonly type: Scalar | Message;
  readonly repeated?: true;
}
export type Message = Readonly<Record<string, Field>>;

const attributes = (number: number): Field => ({ number, type: 'keyValue', repeated: true });

const ENTITY_REF: Message = {
  schemaUrl: { number: 1, type: 'string' },
  type: { number: 2, type: 'string' },
  idKeys: { number: 3, type: 'string', repeated: true },
  descriptionKeys: { number: 4, type: 'string', repeated: true },
};

const RESOURCE: Message = {
  attributes: attributes(1),
  droppedAttributesCount: { number: 2, type: 'uint32' },
  entityRefs: { number: 3, type: ENTITY_REF, repeated: true },
};

const SCOPE: Message = {
  name: { number: 1, type: 'string' },
  version: { number: 2, type: 'string' },
  attributes: attributes(3),
  droppedAttributesCount: { number: 4, type: 'uint32' },
};

const EVENT: Message = {
  timeUnixNano: { number: 1, type: 'fixed64' },
  name: { number: 2, type: 'string' },
  attributes: attributes(3),
  droppedAttributesCount: { number: 4, type: 'uint32' },
};

const LINK: Message = {
  traceId: { number: 1, type: 'id' },
  spanId: { number: 2, type: 'id' },
  traceState: { number: 3, type: 'string' },
  attributes: attributes(4),
  droppedAttributesCount: { number: 5, type: 'uint32' },
  flags: { number: 6, type: 'fixed32' },
};

const STATUS: Message = {
  message: { number: 2, type: 'string' },
  code: { number: 3, type: 'enum' },
};

const SPAN: Message = {
  traceId: { number: 1, type: 'ownId' },
  spanId: { number: 2, type: 'ownId' },
  traceState: { number: 3, type: 'string' },
  parentSpanId: { number: 4, type: 'id' },
  name: { number: 5, type: 'string' },
  kind: { number: 6, type: 'enum' },
  startTimeUnixNano: { number: 7, type: 'fixed64' },
  endTimeUnixNano: { number: 8, type: 'fixed64' },
  attributes: attributes(9),
  droppedAttributesCount: { number: 10, type: 'uint32' },
  events: { number: 11, type: EVENT, repeated: true },
  droppedEventsCount: { number: 12, type: 'uint32' },
  links: { number: 13, type: LINK, repeated: true },
  droppedLinksCount: { number: 14, type: 'uint32' },
  status: { number: 15, type: STATUS },
  flags: { number: 16, type: 'fixed32' },
};

const SCOPE_SPANS: Message = {
  scope: { number: 1, type: SCOPE },
  spans: { number: 2, type: SPAN, repeated: true },
  schemaUrl: { number: 3, type: 'string' },
};

/** ScopeSpans as OTLP before 0.15 named it. */
const LIBRARY_SPANS: Message = {
  instrumentationLibrary: { number: 1, type: SCOPE },
  spans: { number: 2, type: SPAN, repeated: true },
  schemaUrl: { number: 3, type: 'string' },
};

const RESOURCE_SPANS: Message = {
  resource: { number: 1, type: RESOURCE },
  scopeSpans: { number: 2, type: SCOPE_SPANS, repeated: true },
  schemaUrl: { number: 3, type: 'string' },
  instrumentationLibrarySpans: { number: 1000, type: LIBRARY_SPANS, repeated: true },
};

export const REQUEST: Message = {
  resourceSpans: { number: 1, type: RESOURCE_SPANS, repeated: true },
};
