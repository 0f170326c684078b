/** What {@link LedgerError} can mean; each message says which file, what is wrong with it and what to do. */
export type LedgerErrorCode =
  | 'in_use' // another live collector writes it
  | 'cannot_open' // the path is not there, is a directory, or may not be written
  | 'not_a_ledger' // some other SQLite database, or no database at all
  | 'newer_version' // written by a later release
  | 'corrupt' // damaged
  | 'unavailable' // a write or read failed: disk full, I/O error; may pass
  | 'bad_cursor'; // a cursor that no page gave

/** A failure of the evidence store or its misuse. What was being written is not on record. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly code: LedgerErrorCode;

  constructor(code: LedgerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
