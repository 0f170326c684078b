import { registerSchema } from '@agent-custody/chain';
import { z } from 'zod';

// A bundle is a file of OTLP/JSON requests, one a line, as `verify --file` has always read them. What it holds beside spans stands
// in a member that OTLP does not know and every reader of OTLP passes over, so that any tool that reads such a file reads a bundle.
// The first line is the manifest; then come the links, and the links of other sessions that these refer to.

/** The member of a request that says what the line is in its bundle. */
export const BUNDLE_MEMBER = 'custodyBundle';
export const BUNDLE_VERSION = 1;

const finding = z.strictObject({
  code: z.string(),
  severity: z.string(),
  seq: z.int().min(0),
  detail: z.string(),
  healed: z.boolean(),
  trace_id: z.string(),
  span_id: z.string(),
});

/** What was judged where the bundle was made. */
const judged = z.strictObject({
  session: z.string().regex(/^[0-9a-f]{32}$/),
  agent: z.string(),
  integrity: z.enum(['intact', 'broken', 'unknown']),
  completeness: z.enum(['complete', 'incomplete', 'open']),
  authority: z.enum(['approved', 'deviated', 'unknown']),
  links: z.int().min(0),
  findings: z.array(finding),
});

export const manifestSchema = z.strictObject({
  version: z.literal(BUNDLE_VERSION),
  /** For whoever opens the file: what it is and how to check it. */
  readme: z.array(z.string()),
  /** RFC 3339. */
  exported_at: z.string(),
  versions: z.strictObject({ collector: z.string(), format: z.int() }),
  report: judged,
  /** The highest seq, and the hash stated there: the chain behind it is fixed by it. */
  end: z.strictObject({ seq: z.int().min(0), hash: z.string() }),
  /** The entries of the register for the agent; null when none was named. */
  register: registerSchema.nullable(),
  /** When, by whom and why content of the session was erased. */
  erasures: z.array(z.strictObject({ at: z.string(), by: z.string(), reason: z.string() })),
  /** Lines after this one. */
  lines: z.int().min(0),
  /** SHA-256 over the manifest without this member, in canonical form, and the lines after it. */
  digest: z.string(),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** A link of another session that this one refers to. */
export const kinSchema = z.strictObject({
  session: z.string().regex(/^[0-9a-f]{32}$/),
  seq: z.int().min(1),
  /** It was on record, and was pruned. */
  pruned: z.boolean(),
  /** Its copies, as an OTLP/JSON request; none where it was missing. */
  request: z.unknown(),
});

/** What {@link BUNDLE_MEMBER} holds. */
export const memberSchema = z.union([
  z.strictObject({ manifest: manifestSchema }),
  z.strictObject({ line: z.int().min(1), kin: kinSchema.optional() }),
]);
export type BundleMember = z.infer<typeof memberSchema>;

/** What of a request's JSON belongs to a bundle; undefined for one that is in none. */
export function bundleMember(request: unknown): unknown {
  return typeof request === 'object' && request !== null && BUNDLE_MEMBER in request ? request[BUNDLE_MEMBER] : undefined;
}

/** The text over which a bundle's digest is taken, before its lines. */
export function digestPrefix(canonicalManifest: string): string {
  return `agent-custody/v1/bundle\n${canonicalManifest}\n`;
}
