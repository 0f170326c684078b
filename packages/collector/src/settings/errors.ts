/** What {@link SettingsError} can mean; each message says what was wrong, where it was set, and what to do. */
export type SettingsErrorCode =
  | 'invalid_setting' // a value that its setting does not take
  | 'unknown_setting' // a name in the configuration file that no setting has
  | 'unreadable_file' // a file named by a setting that cannot be read or parsed
  | 'conflicting_settings' // values that are right each but not together
  | 'unprotected'; // reachable from other machines without tokens

/** The user's settings cannot be followed. The command answers it with exit status 64 and nothing but the message. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
  readonly code: SettingsErrorCode;

  constructor(code: SettingsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
