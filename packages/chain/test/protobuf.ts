// A reader of protobuf's wire format that knows nothing of OTLP: what the encoder is held against must not share its tables.

export type Field = { readonly no: number; readonly value: bigint | Uint8Array };

export function fieldsOf(bytes: Uint8Array): Field[] {
  const out: Field[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined || shift > 63n) throw new Error(`varint runs out at ${at}`);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const no = tag >>> 3;
    if ((tag & 7) === 0) out.push({ no, value: varint() });
    else if ((tag & 7) === 1) {
      out.push({ no, value: view.getBigUint64(at, true) });
      at += 8;
    } else if ((tag & 7) === 2) {
      const length = Number(varint());
      if (at + length > bytes.length) throw new Error(`field ${no} runs out at ${at}`);
      out.push({ no, value: bytes.subarray(at, at + length) });
      at += length;
    } else throw new Error(`wire type ${tag & 7} at ${at}`);
  }
  return out;
}

export const bytesOf = (fields: readonly Field[], no: number): Uint8Array[] =>
  fields.filter((field) => field.no === no).map(({ value }) => (typeof value === 'bigint' ? wrong(no) : value));
export const intOf = (fields: readonly Field[], no: number): bigint | undefined => {
  const value = fields.find((field) => field.no === no)?.value;
  return value === undefined || typeof value === 'bigint' ? value : wrong(no);
};
export const textOf = (fields: readonly Field[], no: number): string | undefined => {
  const [bytes] = bytesOf(fields, no);
  return bytes && new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
};
export const hexOf = (fields: readonly Field[], no: number): string => Buffer.from(bytesOf(fields, no)[0] ?? []).toString('hex');

function wrong(no: number): never {
  throw new Error(`field ${no} is of another wire type`);
}
