/** The instrumentation scope of every span that this package makes. */
export const SCOPE_NAME = '@agent-custody/instrumentation';
export const SCOPE_VERSION = '0.1.0';
