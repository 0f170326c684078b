import { describe, expect, it } from 'vitest';
import { LossBook } from '../src/evidence/losses.js';
import { OTHER_SESSION, SESSION } from './evidence-support.js';

const lost = (seq: number, reason = 'spool_full', session = SESSION) => ({ session, first: seq, last: seq, reason });

describe('the book of losses', () => {
  it('joins neighbours lost for one reason, in whatever order they come', () => {
    const book = new LossBook();
    for (const seq of [5, 3, 4, 9, 8]) book.note(lost(seq));
    book.note(lost(10, 'refused'));
    expect(book.take(SESSION)).toEqual([
      { session: SESSION, first: 3, last: 5, reason: 'spool_full' },
      { session: SESSION, first: 8, last: 9, reason: 'spool_full' },
      { session: SESSION, first: 10, last: 10, reason: 'refused' },
    ]);
    expect(book.isEmpty).toBe(true);
  });

  it('gives a loss once, and to its session alone', () => {
    const book = new LossBook();
    book.note(lost(1));
    book.note(lost(2, 'refused', OTHER_SESSION));
    expect(book.take(SESSION)).toEqual([lost(1)]);
    expect(book.take(SESSION)).toEqual([]);
    expect(book.take(OTHER_SESSION)).toEqual([lost(2, 'refused', OTHER_SESSION)]);
  });

  it('is bounded in ranges: every lost link stays within one', () => {
    const book = new LossBook();
    for (let seq = 1; seq < 1_000; seq += 2) book.note(lost(seq));
    const ranges = book.take(SESSION);
    expect(ranges.length).toBeLessThanOrEqual(64);
    for (let seq = 1; seq < 1_000; seq += 2) expect(ranges.some(({ first, last }) => first <= seq && seq <= last)).toBe(true);
  });

  it('is bounded in sessions, and names the one it forgets', () => {
    const book = new LossBook();
    const id = (n: number): string => n.toString(16).padStart(32, '0');
    for (let n = 0; n < 1_024; n++) expect(book.note(lost(1, 'refused', id(n)))).toBeUndefined();
    expect(book.note(lost(1, 'refused', SESSION))).toBe(id(0));
    expect(book.take(id(0))).toEqual([]);
    expect(book.take(SESSION)).toHaveLength(1);
  });
});
