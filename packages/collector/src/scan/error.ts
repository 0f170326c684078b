/** Why a request cannot be taken in. */
export type IntakeErrorCode =
  | 'bad_data' // bytes or JSON that are no ExportTraceServiceRequest
  | 'too_many_spans'; // more spans than one request may hold

/** A request that is refused whole; the message says what is wrong, where, and what to do, and may be sent to the client. */
export class IntakeError extends Error {
  override readonly name = 'IntakeError';
  readonly code: IntakeErrorCode;

  constructor(code: IntakeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
