/** A run of sequence numbers, both ends included. */
export type Interval = readonly [first: number, last: number];

/**
 * A set of sequence numbers as sorted, disjoint, non-adjacent intervals: one forged seq of 2^53-1 costs one entry
 * (SPEC.md, "State is bounded").
 */
export class IntervalSet {
  private runs: Interval[] = [];

  get intervals(): readonly Interval[] {
    return this.runs;
  }

  copy(): IntervalSet {
    const copy = new IntervalSet();
    copy.runs = [...this.runs];
    return copy;
  }

  add(first: number, last: number): void {
    let from = this.indexOf(first);
    // An interval that ends right before `first` grows instead.
    if (from > 0 && (this.runs[from - 1] as Interval)[1] === first - 1) from--;
    let to = from;
    let low = first;
    let high = last;
    for (; to < this.runs.length; to++) {
      const run = this.runs[to] as Interval;
      if (run[0] > high + 1) break;
      low = Math.min(low, run[0]);
      high = Math.max(high, run[1]);
    }
    this.runs.splice(from, to - from, [low, high]);
  }

  delete(seq: number): void {
    const at = this.indexOf(seq);
    const run = this.runs[at];
    if (!run || run[0] > seq) return;
    const parts: Interval[] = [];
    if (run[0] < seq) parts.push([run[0], seq - 1]);
    if (run[1] > seq) parts.push([seq + 1, run[1]]);
    this.runs.splice(at, 1, ...parts);
  }

  has(seq: number): boolean {
    const run = this.runs[this.indexOf(seq)];
    return run !== undefined && run[0] <= seq;
  }

  /** How many numbers of the set are less than `seq`. */
  countBelow(seq: number): number {
    let count = 0;
    for (const [first, last] of this.runs) {
      if (first >= seq) break;
      count += Math.min(last, seq - 1) - first + 1;
    }
    return count;
  }

  /** The maximal runs of this set without the numbers of `other`. */
  minus(other: IntervalSet): Interval[] {
    const out: Interval[] = [];
    for (const [first, last] of this.runs) {
      let from = first;
      for (let i = other.indexOf(first); i < other.runs.length && from <= last; i++) {
        const [low, high] = other.runs[i] as Interval;
        if (low > last) break;
        if (low > from) out.push([from, low - 1]);
        from = Math.max(from, high + 1);
      }
      if (from <= last) out.push([from, last]);
    }
    return out;
  }

  /** Index of the first run that ends at or after `seq`. */
  private indexOf(seq: number): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.runs[middle] as Interval)[1] < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
