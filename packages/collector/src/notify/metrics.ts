/** Why a notice was not told: few words, since they are labels. What exactly happened is in the log. */
export const NOTICE_FAILURES = [
  'unreachable',
  'timeout',
  /** An answer that is neither success nor about the notice itself. */
  'status',
  'refused',
  'gone',
  /** The file cannot be written. */
  'unwritable',
  'ledger',
  /** Given up: refused too often, or too many waited. */
  'passed_over',
  'overflow',
] as const;
export type NoticeFailure = (typeof NOTICE_FAILURES)[number];

/** What is counted of notices, by the sink that they are for. */
export interface NoticeMetrics {
  /** Something is told to this sink from now on: its counters start at 0. */
  noticeSink(sink: string): void;
  noticesTold(sink: string, notices: number): void;
  /** @param times attempts that failed, or notices that were given up */
  noticeFailed(sink: string, reason: NoticeFailure, times: number): void;
}

/** Notices that one sink has still to be told. */
export interface WaitingNotices {
  readonly sink: string;
  readonly notices: number;
}
