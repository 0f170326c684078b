/** A session that is to be read back from Tempo. */
export interface PendingReadBack {
  readonly session: string;
  /** Sequence numbers that were held when it was last noted: any other count means that links came which were not. */
  readonly links: number;
  /** Unix ms. */
  readonly dueMs: number;
  /** How often it was read back since it last changed. */
  readonly looks: number;
}

/** Unix ms, and ms. */
export interface Due {
  readonly nowMs: number;
  readonly dueMs: number;
  readonly patienceMs: number;
}

/**
 * Which sessions are to be read back, and what was forwarded a second time: part of the ledger, durable as it is. Only sessions are
 * in it of which every link came while spans were forwarded: what was never sent to Tempo cannot be missing there.
 */
export interface ReadBackStore {
  /** Takes in a session with its first links. */
  begin(session: string, links: number, dueMs: number): void;
  /**
   * More links of a session came, which makes them `links` where there were `before`: it is due at `dueMs`, at the latest `patienceMs`
   * after the first of those that were not read back. Nothing for a session that was not taken in; one of which others came in between,
   * which were not noted, is dropped.
   */
  more(session: string, count: { readonly before: number; readonly links: number }, at: Due): void;
  /** The one that is due first, due or not. */
  next(): PendingReadBack | undefined;
  /** It is to be read once more. @param looks as read back by then */
  postpone(session: string, dueMs: number, looks: number): void;
  /** Nothing is due of it until more links come. */
  rest(session: string): void;
  /** It is not to be read back any more. */
  drop(session: string): void;
  /** Whether this very link was forwarded a second time. */
  wasSentAgain(session: string, seq: number, hash: string): boolean;
  noteSentAgain(session: string, seq: number, hash: string): void;
}
