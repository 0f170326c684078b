import { badData } from './wire.js';

/**
 * How many separate stretches one message may leave behind. An honest one leaves one or two; millions of them, in a body of a few
 * bytes each, would cost a hundred times the body's size in memory.
 */
const MAX_PIECES = 10_000;

/** Collects the stretches of a buffer that are kept; neighbours become one. */
export class Pieces {
  private readonly kept: Buffer[] = [];
  private start = 0;
  private end = 0;

  constructor(private readonly bytes: Buffer) {}

  keep(start: number, end: number): void {
    if (start === this.end) {
      this.end = end;
      return;
    }
    this.flush();
    this.start = start;
    this.end = end;
  }

  /** Keeps bytes that stand for a stretch of the buffer. */
  put(bytes: Buffer): void {
    this.flush();
    this.start = this.end;
    this.kept.push(bytes);
  }

  /** All that was kept, end to end: a window on the buffer where it is one stretch. */
  join(): Buffer {
    this.flush();
    this.start = this.end;
    return this.kept.length === 1 ? (this.kept[0] as Buffer) : Buffer.concat(this.kept);
  }

  private flush(): void {
    if (this.start === this.end) return;
    if (this.kept.length >= MAX_PIECES) throw badData('a message is in too many pieces', this.start);
    this.kept.push(this.bytes.subarray(this.start, this.end));
  }
}
