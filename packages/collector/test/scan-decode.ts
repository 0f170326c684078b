// A slow, plain decoder of OTLP traces, from the .proto files alone and sharing nothing with the scanner: what the tests hold the
// scanner's work against. Answers OTLP/JSON, with the fields that it does not know under `unknown`.

type Json = Record<string, unknown>;

/** number:name:type, `*` for repeated. */
const MESSAGES: Record<string, string> = {
  request: '1:resourceSpans:resourceSpans*',
  resourceSpans: '1:resource:resource 2:scopeSpans:scopeSpans* 3:schemaUrl:string 1000:instrumentationLibrarySpans:librarySpans*',
  resource: '1:attributes:keyValue* 2:droppedAttributesCount:uint 3:entityRefs:entityRef*',
  entityRef: '1:schemaUrl:string 2:type:string 3:idKeys:string* 4:descriptionKeys:string*',
  scopeSpans: '1:scope:scope 2:spans:span* 3:schemaUrl:string',
  librarySpans: '1:instrumentationLibrary:scope 2:spans:span* 3:schemaUrl:string',
  scope: '1:name:string 2:version:string 3:attributes:keyValue* 4:droppedAttributesCount:uint',
  span:
    '1:traceId:hex 2:spanId:hex 3:traceState:string 4:parentSpanId:hex 5:name:string 6:kind:uint 7:startTimeUnixNano:fixed64 ' +
    '8:endTimeUnixNano:fixed64 9:attributes:keyValue* 10:droppedAttributesCount:uint 11:events:event* 12:droppedEventsCount:uint ' +
    '13:links:link* 14:droppedLinksCount:uint 15:status:status 16:flags:fixed32',
  event: '1:timeUnixNano:fixed64 2:name:string 3:attributes:keyValue* 4:droppedAttributesCount:uint',
  link: '1:traceId:hex 2:spanId:hex 3:traceState:string 4:attributes:keyValue* 5:droppedAttributesCount:uint 6:flags:fixed32',
  status: '2:message:string 3:code:uint',
  keyValue: '1:key:string 2:value:anyValue',
  anyValue:
    '1:stringValue:string 2:boolValue:bool 3:intValue:int64 4:doubleValue:double 5:arrayValue:arrayValue 6:kvlistValue:kvlistValue ' +
    '7:bytesValue:base64',
  arrayValue: '1:values:anyValue*',
  kvlistValue: '1:values:keyValue*',
  exportResponse: '1:partialSuccess:partialSuccess',
  partialSuccess: '1:rejectedSpans:int64 2:errorMessage:string',
  rpcStatus: '1:code:uint 2:message:string 3:details:anyMessage*',
  anyMessage: '1:typeUrl:string 2:value:badRequest',
  badRequest: '1:fieldViolations:fieldViolation*',
  fieldViolation: '1:field:string 2:description:string',
};

interface RawField {
  readonly number: number;
  readonly wireType: number;
  /** The content: the value of a varint or fixed field, the bytes of a length-delimited one. */
  readonly value: bigint | Buffer;
  /** The whole field, tag included. */
  readonly raw: Buffer;
}

function fieldsOf(bytes: Uint8Array): RawField[] {
  const buffer = Buffer.from(bytes);
  const out: RawField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < buffer.length) {
    const start = at;
    const tag = varint();
    const wireType = Number(tag & 7n);
    let value: bigint | Buffer;
    if (wireType === 0) value = varint();
    else if (wireType === 1) {
      value = buffer.readBigUInt64LE(at);
      at += 8;
    } else if (wireType === 5) {
      value = BigInt(buffer.readUInt32LE(at));
      at += 4;
    } else if (wireType === 2) {
      const length = Number(varint());
      if (at + length > buffer.length) throw new RangeError('past the end');
      value = buffer.subarray(at, at + length);
      at += length;
    } else throw new RangeError(`wire type ${wireType}`);
    out.push({ number: Number(tag >> 3n), wireType, value, raw: buffer.subarray(start, at) });
  }
  return out;
}

export function decode(message: string, bytes: Uint8Array): Json {
  const spec = new Map(
    (MESSAGES[message] as string).split(' ').map((entry) => {
      const [number, name, type] = entry.split(':') as [string, string, string];
      return [Number(number), { name, type: type.replace('*', ''), repeated: type.endsWith('*') }] as const;
    }),
  );
  const out: Json = {};
  for (const { number, value, raw } of fieldsOf(bytes)) {
    const known = spec.get(number);
    if (known === undefined) out['unknown'] = `${(out['unknown'] as string | undefined) ?? ''}${raw.toString('hex')}`;
    else if (known.repeated) out[known.name] = [...((out[known.name] as unknown[] | undefined) ?? []), scalar(known.type, value)];
    else out[known.name] = scalar(known.type, value);
  }
  return out;
}

function scalar(type: string, value: bigint | Buffer): unknown {
  if (type in MESSAGES) return decode(type, value as Buffer);
  switch (type) {
    case 'string':
      return (value as Buffer).toString('utf8');
    case 'hex':
      return (value as Buffer).toString('hex');
    case 'base64':
      return (value as Buffer).toString('base64');
    case 'bool':
      return value === 1n;
    case 'uint':
    case 'fixed32':
      return Number(value);
    case 'fixed64':
      return String(value);
    case 'int64':
      return String(BigInt.asIntN(64, value as bigint));
    default: {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(value as bigint);
      return bytes.readDoubleLE();
    }
  }
}

export interface FlatSpan {
  /** Fields of ResourceSpans and of ScopeSpans but the spans, in hex. */
  readonly resource: string;
  readonly scope: string;
  /** The Span's fields, in hex. */
  readonly fields: readonly string[];
}

/** Every span of a request with what stands above it, byte for byte. */
export function flatten(request: Uint8Array): FlatSpan[] {
  const rest = (fields: readonly RawField[], ...spans: readonly number[]) =>
    fields
      .filter(({ number }) => !spans.includes(number))
      .map(({ raw }) => raw.toString('hex'))
      .join('');
  return fieldsOf(request)
    .filter(({ number }) => number === 1)
    .flatMap(({ value }) => {
      const resourceSpans = fieldsOf(value as Buffer);
      return resourceSpans
        .filter(({ number }) => number === 2 || number === 1000)
        .flatMap((scopeSpansField) => {
          const scopeSpans = fieldsOf(scopeSpansField.value as Buffer);
          return scopeSpans
            .filter(({ number }) => number === 2)
            .map((span) => ({
              resource: rest(resourceSpans, 2, 1000),
              scope: rest(scopeSpans, 2),
              fields: fieldsOf(span.value as Buffer).map(({ raw }) => raw.toString('hex')),
            }));
        });
    });
}
