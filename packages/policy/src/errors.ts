/** What {@link PolicyError} can mean; each message says in which file and where in it, what is wrong, and what to do. */
export type PolicyErrorCode =
  | 'not_readable' // neither JSON nor YAML, or not one document of plain JSON values
  | 'invalid_policy' // does not follow the schema
  | 'duplicate_id' // two rules, or two files, go by one name
  | 'invalid_argument' // a caller's mistake: no policy at all, a time that is none
  | 'invalid_state'; // a saved state that this release cannot read

/** A policy that cannot be put into force, or misuse of the library. What a policy decides is never an error. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  readonly code: PolicyErrorCode;

  constructor(code: PolicyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
