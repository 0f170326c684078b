/** Why a receiver cannot be made or started. */
export type ReceiverErrorCode =
  | 'listen_failed' // the address is taken, not ours, or not allowed
  | 'invalid_tls' // certificate and key are no PEM, or do not belong together
  | 'invalid_token'; // a stored token that is no sha256 hex

/** A mistake in the receiver's settings; the message says which and what to do. */
export class ReceiverError extends Error {
  override readonly name = 'ReceiverError';
  readonly code: ReceiverErrorCode;

  constructor(code: ReceiverErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
