import { closeSync, fstatSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Delivery } from './delivery.js';
import { hasCode, messageOf } from './errors.js';
import { HEADER_SIZE } from './header.js';
import type { Queue } from './queue.js';
import { openExisting, readHeader, type SpoolContext, SpoolFile } from './spool-file.js';

const SPOOL_FILE = /^[0-9a-f]{32}\.spool$/;
const MIN_LOOK_MS = 1_000;
const MAX_LOOK_MS = 60_000;

interface AdoptionOptions {
  readonly context: SpoolContext;
  /** Path of this process's own file. */
  readonly ownPath: () => string | undefined;
  readonly deliveryOf: (queue: Queue) => Delivery;
  readonly log: (level: 'warn' | 'info' | 'debug', message: string) => void;
}

/**
 * Delivers what processes that are gone left in the spool directory, one file at a time and the oldest first, so that several
 * processes share the work. A file is up for adoption once its lease is over.
 */
export class Adoption {
  private readonly options: AdoptionOptions;
  /** Inodes of files that this process cannot deliver; another one may, and give them back under another name. */
  private readonly setAside = new Set<number>();
  private readonly warned = new Set<string>();
  /** Leases that end further off than any that is given now, and when they were first seen: the clock was set back since. */
  private readonly watched = new Map<string, { readonly leaseUntil: number; readonly since: number }>();
  private current: { readonly file: SpoolFile; readonly delivery: Delivery } | undefined;
  private endPause: (() => void) | undefined;
  private nextLookMs = MAX_LOOK_MS;
  private stopped = false;

  constructor(options: AdoptionOptions) {
    this.options = options;
  }

  /** Bytes that wait in the file being delivered. */
  get pendingBytes(): number {
    return this.current?.file.pendingBytes ?? 0;
  }

  /** Never rejects. */
  async run(): Promise<void> {
    await this.wait(0);
    while (!this.stopped) {
      const file = this.claimNext();
      if (file === undefined) await this.wait(this.nextLookMs);
      else await this.deliver(file);
    }
  }

  renew(): void {
    // Lost to another process, which now delivers it.
    if (this.current?.file.renew() === false) this.current.delivery.stop();
  }

  hurry(): void {
    this.current?.delivery.hurry();
  }

  /** Lets the next start have at once what is not delivered. */
  giveUp(): void {
    this.current?.file.giveUp();
  }

  stop(): void {
    this.stopped = true;
    this.giveUp();
    this.current?.delivery.stop();
    this.endPause?.();
  }

  private async deliver(file: SpoolFile): Promise<void> {
    const { deliveryOf, log } = this.options;
    const delivery = deliveryOf(file);
    this.current = { file, delivery };
    log('info', `adopted spool file ${file.path} of a process that is gone: ${file.pendingBytes} bytes to deliver`);
    let end = await delivery.run();
    while (end === 'drained' && file.hasGrown()) end = await delivery.run();
    this.current = undefined;
    if (end === 'drained') file.remove();
    if (end === 'left') {
      file.giveUp();
      this.leave(
        file.path,
        file.inode,
        'the collector rejects its records from this process; one with a token for their agent delivers them',
      );
    }
    file.close();
  }

  /** Claims the oldest file whose lease is over; notes when to look again if there is none. */
  private claimNext(): SpoolFile | undefined {
    this.nextLookMs = MAX_LOOK_MS;
    try {
      for (const path of this.abandoned()) {
        const file = SpoolFile.claim(this.options.context, path);
        if (file === undefined) continue;
        if (file.pendingBytes > 0) return file;
        file.remove();
        file.close();
      }
    } catch (error) {
      this.options.log('debug', `looking for spool files to adopt: ${messageOf(error)}`);
    }
    return undefined;
  }

  /** Paths of the files whose lease is over, the one written to longest ago first. */
  private abandoned(): string[] {
    const { context, ownPath } = this.options;
    const own = ownPath();
    const found: { path: string; modified: number }[] = [];
    const present = new Set<number>();
    for (const name of readdirSync(context.directory)) {
      const path = join(context.directory, name);
      if (!SPOOL_FILE.test(name) || path === own) continue;
      try {
        const modified = this.look(path, present);
        if (modified !== undefined) found.push({ path, modified });
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) this.warnOnce(path, messageOf(error));
      }
    }
    for (const inode of this.setAside) if (!present.has(inode)) this.setAside.delete(inode);
    return found.sort((a, b) => a.modified - b.modified).map(({ path }) => path);
  }

  /** When the file was last written to, if its lease is over and it is for our collector. */
  private look(path: string, present: Set<number>): number | undefined {
    const { context } = this.options;
    const fd = openExisting(path);
    try {
      const { ino, size, mtimeMs } = fstatSync(fd);
      present.add(ino);
      if (this.setAside.has(ino)) return undefined;
      const header = readHeader(fd);
      if (header === undefined) {
        if (size > HEADER_SIZE) this.leave(path, ino, 'its header is damaged; its records can only be recovered by hand');
        // Its maker died, or its disk was full, before the header was in it.
        else if (mtimeMs + context.runtime.leaseMs < context.runtime.now()) unlinkSync(path);
        return undefined;
      }
      if (!this.isOver(path, header.leaseUntil)) return undefined;
      if (header.destination.equals(context.destination)) return mtimeMs;
      if (size > header.acknowledged) this.leave(path, ino, 'it is for another collector; a process that sends there delivers it');
      return undefined;
    } finally {
      closeSync(fd);
    }
  }

  private isOver(path: string, leaseUntil: number): boolean {
    const { runtime } = this.options.context;
    const left = leaseUntil - runtime.now();
    if (left <= 0) return true;
    this.nextLookMs = Math.min(this.nextLookMs, Math.max(left, MIN_LOOK_MS));
    if (left <= runtime.leaseMs) {
      this.watched.delete(path);
      return false;
    }
    const seen = this.watched.get(path);
    if (seen?.leaseUntil !== leaseUntil) this.watched.set(path, { leaseUntil, since: runtime.elapsed() });
    this.nextLookMs = Math.min(this.nextLookMs, runtime.leaseMs);
    return seen?.leaseUntil === leaseUntil && runtime.elapsed() - seen.since > 2 * runtime.leaseMs;
  }

  private leave(path: string, inode: number, why: string): void {
    this.setAside.add(inode);
    this.warnOnce(path, why);
  }

  private warnOnce(path: string, why: string): void {
    if (this.warned.has(path)) return;
    this.warned.add(path);
    this.options.log('warn', `spool file ${path} is left where it is: ${why}`);
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.endPause = undefined;
        resolve();
      };
      const cancel = this.options.context.runtime.after(ms, end);
      this.endPause = end;
    });
  }
}
