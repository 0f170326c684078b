import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EvidenceError, hasCode, messageOf } from './errors.js';
import { readFrames } from './frame.js';
import { decodeHeader, encodeHeader, HEADER_SIZE, type Header } from './header.js';
import type { Batch, Queue } from './queue.js';
import type { EvidenceRuntime } from './runtime.js';
import { isOurs } from './spool-directory.js';

const NOFOLLOW = constants.O_NOFOLLOW ?? 0; // Windows has none
const COPY_CHUNK = 1 << 20;

/** What a spool file needs to know of its surroundings. */
export interface SpoolContext {
  readonly directory: string;
  readonly destination: Buffer;
  readonly runtime: EvidenceRuntime;
  /** A drained file is cut back to its header once it is larger than this many bytes; below, cutting costs more than it frees. */
  readonly cutBackAbove: number;
  /** Bytes that were passed over since they hold no whole frame: torn by a crash, or corrupt. */
  onSkipped(path: string, bytes: number): void;
}

function spoolFileName(owner: string): string {
  return `${owner}.spool`;
}

/** Opens a file of the spool directory for reading and writing; throws unless it is a plain file of ours that has one name only. */
export function openExisting(path: string): number {
  const fd = openSync(path, constants.O_RDWR | NOFOLLOW | (constants.O_NONBLOCK ?? 0));
  const stats = fstatSync(fd);
  if (stats.isFile() && stats.nlink === 1 && isOurs(stats)) return fd;
  closeSync(fd);
  throw new EvidenceError('spool_unusable', `${path} is no spool file of this user: remove it from the spool directory`);
}

export function readHeader(fd: number): Header | undefined {
  const bytes = Buffer.alloc(HEADER_SIZE);
  return readSync(fd, bytes, 0, HEADER_SIZE, 0) === HEADER_SIZE ? decodeHeader(bytes) : undefined;
}

/**
 * One spool file, and who owns it.
 *
 * The name says who: `{owner}.spool`, and taking a file over is renaming it, which the file system lets one process do and no
 * other. The lease in the header says for how long nobody may try. The owner renews it; one that finds its lease over, or its
 * name gone (it was suspended, or a clock is wrong), has lost the file and must go on in a new one: {@link renew} never revives
 * a lease. Frames go out by one `write` each, without fsync: they survive the death of the process, not of the machine.
 */
export class SpoolFile implements Queue {
  readonly path: string;
  private readonly context: SpoolContext;
  private readonly owner: string;
  private readonly fd: number;
  readonly inode: number;
  private acknowledged: number;
  private end: number;
  private leaseUntil = 0;
  /** The disk had no room for a frame: what is drained is freed even if it is little. */
  private short = false;

  private constructor(context: SpoolContext, owner: string, fd: number, from: { acknowledged: number; end: number }) {
    this.context = context;
    this.owner = owner;
    this.path = join(context.directory, spoolFileName(owner));
    this.fd = fd;
    this.inode = fstatSync(fd).ino;
    this.acknowledged = from.acknowledged;
    this.end = from.end;
  }

  /** A new file with a lease. Throws what the file system throws. */
  static create(context: SpoolContext): SpoolFile {
    const owner = context.runtime.id();
    const path = join(context.directory, spoolFileName(owner));
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | NOFOLLOW, 0o600);
    try {
      const file = new SpoolFile(context, owner, fd, { acknowledged: HEADER_SIZE, end: HEADER_SIZE });
      file.takeLease();
      return file;
    } catch (error) {
      closeSync(fd);
      unlinkSync(path);
      throw error;
    }
  }

  /**
   * Takes over the file at `path`, whose lease the caller saw to be over; undefined when another process was faster. The lease is
   * written before the rename, so under its new name the file is never without one.
   */
  static claim(context: SpoolContext, path: string): SpoolFile | undefined {
    let fd: number;
    try {
      fd = openExisting(path);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
    try {
      const end = fstatSync(fd).size;
      // A header whose offset lies beyond the file's end: it was cut from outside. All that is left is sent again.
      const stated = readHeader(fd)?.acknowledged ?? HEADER_SIZE;
      const acknowledged = stated >= HEADER_SIZE && stated <= end ? stated : HEADER_SIZE;
      const file = new SpoolFile(context, context.runtime.id(), fd, { acknowledged, end });
      file.takeLease();
      renameSync(path, file.path);
      return file;
    } catch (error) {
      closeSync(fd);
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  get pendingBytes(): number {
    return this.end - this.acknowledged;
  }

  /** Bytes on the disk. */
  get size(): number {
    return this.end;
  }

  /** When the lease is over, Unix milliseconds. */
  get leaseEnds(): number {
    return this.leaseUntil;
  }

  /** Adds a frame. Throws when the disk did not take all of it; then none of it is in the file. */
  append(frame: Buffer): void {
    try {
      writeWhole(this.fd, frame, frame.length, this.end);
    } catch (error) {
      this.cutTo(this.end);
      this.short = true;
      throw error;
    }
    this.end += frame.length;
  }

  peek(maxRecords: number, maxBytes: number): Batch | undefined {
    let wanted = maxBytes;
    while (this.acknowledged < this.end) {
      const length = Math.min(wanted, this.end - this.acknowledged);
      const chunk = Buffer.allocUnsafe(length);
      const frames = readFrames(chunk.subarray(0, this.read(chunk)), maxRecords);
      if (frames.type === 'records' && frames.records.length > 0) return frames;
      if (frames.type === 'short' && frames.needed > wanted && length < this.end - this.acknowledged) wanted = frames.needed;
      else this.skip(frames.type === 'corrupt' ? frames.size : Number.POSITIVE_INFINITY);
    }
    return undefined;
  }

  /** Bytes read at the first frame that is not acknowledged; 0 when the device cannot read them, which makes them corrupt. */
  private read(chunk: Buffer): number {
    try {
      return readSync(this.fd, chunk, 0, chunk.length, this.acknowledged);
    } catch {
      return 0;
    }
  }

  private skip(bytes: number): void {
    const skipped = Math.min(bytes, this.end - this.acknowledged);
    this.acknowledged += skipped;
    this.context.onSkipped(this.path, skipped);
  }

  /** Passes over a batch, in memory alone. */
  advance(batch: Batch): void {
    this.acknowledged = Math.min(this.acknowledged + batch.size, this.end);
  }

  /** Durably, so that the next owner does not send again what was taken. */
  acknowledge(batch: Batch): void {
    this.advance(batch);
    // The file may be another's by now: its header is then not ours to write.
    if (this.context.runtime.now() >= this.leaseUntil) return;
    const drained = this.acknowledged === this.end && (this.short || this.end > this.context.cutBackAbove);
    try {
      // The offset goes back before the file is cut: the other way round a crash in between would hide what is appended next.
      this.writeHeader(drained ? HEADER_SIZE : this.acknowledged);
      if (drained) {
        this.acknowledged = HEADER_SIZE;
        this.cutTo(HEADER_SIZE);
        this.end = HEADER_SIZE;
        this.short = false;
      }
    } catch {
      // The offset on disk stays behind: the next owner sends some records twice, which is harmless.
    }
  }

  /** Prolongs the lease; false when the file is no longer this owner's. */
  renew(): boolean {
    if (this.context.runtime.now() >= this.leaseUntil || !this.hasName()) return false;
    try {
      this.takeLease();
    } catch {
      return false;
    }
    return true;
  }

  /** Starts a lease, whether or not the last one is over: for a file just created or claimed, and when no new one can be had. */
  takeLease(): void {
    this.leaseUntil = this.context.runtime.now() + this.context.runtime.leaseMs;
    this.writeHeader(this.acknowledged);
  }

  /** Lets the next start have the file at once; removes it when it holds nothing. It can be read on, but {@link renew} says no. */
  giveUp(): void {
    this.leaseUntil = 0;
    try {
      if (this.pendingBytes === 0) this.remove();
      else if (this.hasName()) this.writeHeader(this.acknowledged);
    } catch {
      // The lease runs out by itself.
    }
  }

  /** Whether the file still has the name that its owner gave it, which is to say: nobody took it over or removed it. */
  hasName(): boolean {
    try {
      return statSync(this.path).ino === this.inode;
    } catch {
      return false;
    }
  }

  /** Whether something was appended since the file was claimed: its last owner still ran then. Takes what came into view. */
  hasGrown(): boolean {
    const size = fstatSync(this.fd).size;
    const grown = size > this.end;
    this.end = Math.max(this.end, size);
    return grown;
  }

  /** Copies all that is pending to the end of another file. Throws when there is no room; the other file is then of no use. */
  copyPendingTo(other: SpoolFile): void {
    const chunk = Buffer.allocUnsafe(Math.min(COPY_CHUNK, Math.max(1, this.pendingBytes)));
    for (let at = this.acknowledged; at < this.end; ) {
      const read = readSync(this.fd, chunk, 0, Math.min(chunk.length, this.end - at), at);
      if (read === 0) break;
      writeWhole(other.fd, chunk, read, other.end);
      other.end += read;
      at += read;
    }
  }

  /** Removes the file under its own name, and only there: under another it is someone else's. */
  remove(): void {
    if (!this.hasName()) return;
    try {
      unlinkSync(this.path);
    } catch {
      // Whoever adopts it sends its records again, which is harmless.
    }
  }

  /** No lease, no write: the descriptor's number may soon be another file's. */
  close(): void {
    this.leaseUntil = 0;
    closeSync(this.fd);
  }

  private cutTo(size: number): void {
    try {
      ftruncateSync(this.fd, size);
    } catch {
      // The next frame is written over what is there, and a reader passes over a torn end.
    }
  }

  private writeHeader(acknowledged: number): void {
    const { destination } = this.context;
    writeWhole(this.fd, encodeHeader({ owner: this.owner, leaseUntil: this.leaseUntil, acknowledged, destination }), HEADER_SIZE, 0);
  }
}

/** Writes all of it or throws: a full disk takes a part without an error, and only the next write says why. */
function writeWhole(fd: number, bytes: Buffer, length: number, position: number): void {
  let written = writeSync(fd, bytes, 0, length, position);
  while (written < length) {
    const more = writeSync(fd, bytes, written, length - written, position + written);
    if (more === 0) throw new EvidenceError('spool_unusable', `only ${written} of ${length} bytes could be written: free some space`);
    written += more;
  }
}

/** What went wrong with a file, in words for the log. */
export function fileTrouble(error: unknown): string {
  if (hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT')) return 'no space left on the device';
  if (hasCode(error, 'EFBIG')) return 'the file size limit of the process (ulimit -f) is reached';
  return messageOf(error);
}
