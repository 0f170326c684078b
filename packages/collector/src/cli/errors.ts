/** The command was called in a way that it does not take. Exit status 64, nothing printed but the message. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
}

/** The command ends with `status` after this message on standard error. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code = 'command_failed';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
