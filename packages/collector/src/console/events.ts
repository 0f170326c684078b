import type { ServerResponse } from 'node:http';
import type { Approvals } from '../approvals/index.js';

/** Browsers that listen at one time; beyond it they are refused and poll. */
const MOST_LISTENERS = 200;
/** Under what proxies close as idle, ms. */
const BEAT_MS = 20_000;

/** Server-sent events: that something changed, never what. The page then asks for what it may see. */
export class Events {
  private readonly listeners = new Set<ServerResponse>();
  private closed = false;
  private readonly beat: NodeJS.Timeout;
  private readonly unsubscribe: () => void;

  constructor(approvals: Approvals) {
    this.unsubscribe = approvals.onChange(() => this.tell('event: approvals\ndata: changed\n\n'));
    this.beat = setInterval(() => this.tell(': still here\n\n'), BEAT_MS).unref();
  }

  /** @returns false when too many listen, and when the collector is about to stop */
  listen(response: ServerResponse): boolean {
    if (this.closed || this.listeners.size >= MOST_LISTENERS) return false;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    response.write('retry: 3000\n\n');
    this.listeners.add(response);
    response.once('close', () => this.listeners.delete(response));
    return true;
  }

  close(): void {
    this.closed = true;
    clearInterval(this.beat);
    this.unsubscribe();
    for (const response of this.listeners) response.end();
    this.listeners.clear();
  }

  private tell(message: string): void {
    for (const response of this.listeners) response.write(message);
  }
}
