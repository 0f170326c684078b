/** Calls back once when it was not touched for a while. Costs no timer per touch, and keeps no process alive. */
export class IdleTimer {
  private readonly limitMs: number;
  private readonly onIdle: () => void;
  private timer: NodeJS.Timeout | undefined;
  private touched = performance.now();
  private busy = 0;

  constructor(limitMs: number, onIdle: () => void) {
    this.limitMs = limitMs;
    this.onIdle = onIdle;
    this.arm(limitMs);
  }

  touch(): void {
    this.touched = performance.now();
  }

  /** Somebody waits for something: that is not idle, however long it takes. */
  enter(): void {
    this.busy++;
  }

  leave(): void {
    this.busy--;
    this.touch();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private arm(ms: number): void {
    this.timer = setTimeout(() => this.check(), ms);
    this.timer.unref();
  }

  private check(): void {
    if (this.busy > 0) this.touch();
    const left = this.touched + this.limitMs - performance.now();
    // Timers fire up to a millisecond early by the finer clock.
    if (left > 1) this.arm(left);
    else this.onIdle();
  }
}
