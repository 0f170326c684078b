import type { StoredSpan } from '../packages/collector/test/stored-spans.js';
import type { TempoStandIn } from '../packages/collector/test/tempo-stand-in.js';

export const spanKey = ({ traceId, spanId }: StoredSpan): string => `${traceId} ${spanId}`;

/**
 * How often each span is in Tempo. Delivery is at least once, so a span may be there twice, but only when the collector could not
 * know that it was there: it died before it had noted Tempo's answer, or the answer never came.
 */
export class TempoBook {
  private readonly times = new Map<string, number>();
  private readonly excused = new Set<string>();
  private losing = false;

  constructor(private readonly tempo: TempoStandIn) {}

  /** The answer to the last request may not have been noted. */
  collectorDied(): void {
    this.turn();
    for (const span of this.tempo.requests.at(-1)?.spans ?? []) this.excused.add(spanKey(span));
    this.tempo.requests.length = 0;
  }

  losingAnswers(losing: boolean): void {
    this.turn();
    this.losing = losing;
  }

  /** Which of these are there more often than once, and need not be. */
  repeated(keys: Iterable<string>): string[] {
    this.turn();
    return [...keys].filter((key) => (this.times.get(key) ?? 0) > 1 && !this.excused.has(key));
  }

  missing(keys: Iterable<string>): string[] {
    this.turn();
    return [...keys].filter((key) => !this.times.has(key));
  }

  /** Takes what came since the last time out of the stand-in, so that a long run does not keep every span. */
  private turn(): void {
    for (const span of this.tempo.stored.splice(0)) {
      const key = spanKey(span);
      this.times.set(key, (this.times.get(key) ?? 0) + 1);
      if (this.losing) this.excused.add(key);
    }
  }
}
