/** Waits between attempts: doubling from `firstMs` to `longestMs`, each taken at random from its upper half. */
export class BackOff {
  private attempts = 0;

  constructor(
    private readonly firstMs: number,
    private readonly longestMs: number,
    private readonly random: () => number,
  ) {}

  /** The wait before the next attempt, ms. @param atLeastMs what the other side asked for */
  next(atLeastMs = 0): number {
    const whole = Math.min(this.longestMs, this.firstMs * 2 ** Math.min(this.attempts++, 30));
    // Jitter: collectors that a store's restart has stopped together must not come back together.
    return Math.max(atLeastMs, whole / 2 + (whole / 2) * this.random());
  }

  reset(): void {
    this.attempts = 0;
  }
}
