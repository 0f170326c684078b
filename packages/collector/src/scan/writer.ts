import { putVarint, varintSize } from './wire.js';

const textEncoder = new TextEncoder();

/** Writes protobuf front to back into a growing buffer. */
export class WireWriter {
  private bytes: Uint8Array;
  private position = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  private reserve(count: number): void {
    const needed = this.position + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, needed));
    grown.set(this.bytes.subarray(0, this.position));
    this.bytes = grown;
  }

  varint(value: number): void {
    this.reserve(10);
    this.position = putVarint(this.bytes, this.position, value);
  }

  /** Any int64, as two's complement. */
  int64(value: bigint): void {
    this.reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest > 127n) {
      this.bytes[this.position++] = Number(rest & 127n) | 0x80;
      rest >>= 7n;
    }
    this.bytes[this.position++] = Number(rest);
  }

  fixed(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.position);
    this.position += bytes.length;
  }

  raw(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.fixed(bytes);
  }

  /** A lone surrogate becomes U+FFFD. */
  text(text: string): void {
    this.reserve(text.length * 3);
    const start = this.open();
    this.reserve(text.length * 3);
    this.position += textEncoder.encodeInto(text, this.bytes.subarray(this.position)).written;
    this.close(start);
  }

  /** Starts something whose length is not known yet; hand the answer to {@link close}. */
  open(): number {
    this.reserve(1);
    return ++this.position;
  }

  close(start: number): void {
    const length = this.position - start;
    const size = varintSize(length);
    if (size > 1) {
      this.reserve(size - 1);
      this.bytes.copyWithin(start + size - 1, start, this.position);
    }
    putVarint(this.bytes, start - 1, length);
    this.position += size - 1;
  }

  finish(): Uint8Array {
    return this.bytes.subarray(0, this.position);
  }
}
