import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Notice } from '../ledger/ledger.js';
import type { Delivery, Sink } from './sink.js';

export const LOG_SINK = 'log';
const BATCH = 256;
const NEWLINE = 0x0a;

/**
 * Appends findings to a file, a JSON object a line. They are flushed to disk before the ledger forgets that they are to be
 * written: a line may be there twice after a crash (with one `id`), none is missing.
 */
export class LogFileSink implements Sink {
  readonly name = LOG_SINK;
  readonly batch = BATCH;
  private file: FileHandle | undefined;
  private stale = false;

  constructor(private readonly path: string) {}

  /** Opens the file anew before the next line: what log rotation asks for. */
  reopen(): void {
    this.stale = true;
  }

  async deliver(notices: readonly Notice[]): Promise<Delivery> {
    try {
      const file = await this.current();
      await file.appendFile(notices.map(({ body }) => `${body}\n`).join(''));
      await file.datasync();
      return { type: 'delivered' };
    } catch (error) {
      await this.close();
      return { type: 'retry', failure: 'unwritable', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async close(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    try {
      await file?.close();
    } catch {
      // What was flushed is in the file; of what was not the ledger knows.
    }
  }

  private async current(): Promise<FileHandle> {
    if (this.stale || !(await this.isInPlace())) await this.close();
    this.stale = false;
    this.file ??= await openAtLineStart(this.path);
    return this.file;
  }

  /** Whether the open file is still the one that the path names: rotation without a signal moves it away. */
  private async isInPlace(): Promise<boolean> {
    if (this.file === undefined) return false;
    try {
      const [named, held] = await Promise.all([stat(this.path), this.file.stat()]);
      return named.ino === held.ino && named.dev === held.dev;
    } catch {
      return false;
    }
  }
}

/** For appending; a line that a crash cut short is ended, so that the next one can be read. */
async function openAtLineStart(path: string): Promise<FileHandle> {
  const file = await open(path, 'a+', 0o600);
  const { size } = await file.stat();
  if (size === 0) return file;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  if (buffer[0] !== NEWLINE) await file.appendFile('\n');
  return file;
}
