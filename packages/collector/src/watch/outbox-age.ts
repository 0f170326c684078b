/** Marks kept: over them, every second one is dropped, and what has waited for hours is known to the minute. */
const MARKS = 1_024;

/**
 * How long the oldest entry of the outbox has waited. Entries carry a number and no time: their age is told from what the newest
 * number was at each look. What waited before the first look counts from there.
 */
export class OutboxAge {
  private marks: { readonly newest: number; readonly atMs: number }[] = [];

  /**
   * Notes the outbox as it is now.
   *
   * @param waiting the lowest and highest number that waits; undefined when nothing does
   * @param nowMs on a scale that never jumps
   * @returns the age of the oldest entry, ms
   */
  look(waiting: { readonly oldest: number; readonly newest: number } | undefined, nowMs: number): number {
    if (waiting === undefined) {
      this.marks = [];
      return 0;
    }
    if ((this.marks.at(-1)?.newest ?? 0) < waiting.newest) this.marks.push({ newest: waiting.newest, atMs: nowMs });
    const passed = this.marks.findIndex(({ newest }) => newest >= waiting.oldest);
    if (passed > 0) this.marks.splice(0, passed);
    if (this.marks.length > MARKS) this.marks = this.marks.filter((_, index) => index % 2 === 0 || index === this.marks.length - 1);
    return nowMs - (this.marks[0]?.atMs ?? nowMs);
  }
}
