/** What a note of the linter is about. */
export type LintCode =
  | 'shadowed_rule' // an earlier rule always decides
  | 'unreachable_pattern' // a list entry that something before it always decides
  | 'allows_anyway' // an allow list that keeps nothing out, since the default allows
  | 'matches_nothing' // no tool of the recorded sessions
  | 'only_default' // a recorded tool that nothing names, and the default denies
  | 'confusable_name' // names that are easily taken for one another
  | 'odd_name' // a name that cannot be read for what it is
  | 'weak_test' // a condition that lets through more than it seems to
  | 'unattainable_approval'; // more approvers than are named

/** Something about a policy that its author probably did not mean. It is in force all the same. */
export interface Note {
  readonly code: LintCode;
  /** JSON Pointer into the file. */
  readonly path: string;
  readonly message: string;
}
