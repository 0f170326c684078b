/** What {@link EvidenceError} can mean; each message says what was wrong, where, and what to do. */
type EvidenceErrorCode =
  | 'invalid_url' // the collector's address is no http(s) URL
  | 'spool_unusable'; // the spool directory or a file in it may not be used

/** Misuse of the evidence channel, or a spool that cannot be trusted. Trouble with delivery is never an error: it is retried. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
  readonly code: EvidenceErrorCode;

  constructor(code: EvidenceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether it is an error of the operating system with this code, such as ENOENT. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
