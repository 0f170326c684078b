/** A wait that can be ended from outside. One at a time. */
export class Pause {
  private wake: () => void = () => undefined;
  private idle = false;

  /** @param ms undefined: until there is something to do */
  async of(ms: number | undefined): Promise<void> {
    this.idle = ms === undefined;
    await new Promise<void>((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = () => undefined;
    this.idle = false;
  }

  end(): void {
    this.wake();
  }

  /** There is something to do: ends the wait for it, and no back-off. */
  endIdle(): void {
    if (this.idle) this.wake();
  }
}
