import { overloaded } from './refusal.js';

/** One request's share of the receiver's memory. */
export interface Lease {
  /** @throws Refusal 503 when the receiver then held more than it may */
  take(bytes: number): void;
  /** Gives back all that was taken. */
  release(): void;
}

/** Counts requests and bytes that are being received or ingested: under more load than it can hold, a receiver refuses, it does not die. */
export class InFlight {
  private requests = 0;
  private bytes = 0;

  constructor(
    private readonly maxRequests: number,
    private readonly maxBytes: number,
    private readonly retryAfterSeconds: number,
  ) {}

  /** @throws Refusal 503 */
  enter(): Lease {
    if (this.requests >= this.maxRequests) {
      throw overloaded(`more than ${this.maxRequests} requests in flight; send this one again later`, this.retryAfterSeconds);
    }
    this.requests++;
    let taken = 0;
    return {
      take: (bytes) => {
        if (this.bytes + bytes > this.maxBytes) {
          throw overloaded(`more than ${this.maxBytes} bytes in flight; send this request again later`, this.retryAfterSeconds);
        }
        this.bytes += bytes;
        taken += bytes;
      },
      release: () => {
        this.requests--;
        this.bytes -= taken;
        taken = 0;
      },
    };
  }
}
