/** What {@link ChainError} can mean; each message says what was wrong, where, and what to do. */
export type ChainErrorCode =
  | 'not_json' // a value that has no canonical JSON form
  | 'invalid_argument' // a caller's mistake: a salt of the wrong length, a mask that is no regular expression
  | 'session_closed' // an append after session.end
  | 'invalid_otlp' // a request that is no ExportTraceServiceRequest
  | 'invalid_register'; // a register of approved states that does not follow its schema

/** Misuse of the library or unusable input. A broken chain is a finding, never an error. */
export class ChainError extends Error {
  override readonly name = 'ChainError';
  readonly code: ChainErrorCode;

  constructor(code: ChainErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
