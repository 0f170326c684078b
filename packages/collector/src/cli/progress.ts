import { printable } from '../printable.js';

const OFTEN_MS = 100;
/** Back to the first column, and the line cleared (ECMA-48: EL). */
const CLEAR = '\r\u001b[K';

/** One line on standard error that is written over, on a terminal only: a log or a pipe gets nothing of it. */
export class ProgressLine {
  private shownAt = 0;
  private shown = false;

  constructor(private readonly stream: NodeJS.WriteStream = process.stderr) {}

  show(text: string): void {
    if (!this.stream.isTTY || performance.now() - this.shownAt < OFTEN_MS) return;
    this.shownAt = performance.now();
    this.shown = true;
    this.stream.write(CLEAR + printable(text).slice(0, (this.stream.columns || 80) - 1));
  }

  clear(): void {
    if (this.shown) this.stream.write(CLEAR);
    this.shown = false;
  }
}
