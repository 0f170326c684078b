import { ATTR, type CommittedField, canonicalize, commitment, type Encoding, toCanonical } from '@agent-custody/chain';
import { guarded } from './errors.js';
import { state } from './global.js';
import { nodeHashing } from './hashing.js';
import { newSalt } from './random.js';
import { defaultRedact, holdsCredential } from './redact.js';
import type { Redact } from './types.js';

/** A value as it was when it was captured: its digest under a fresh salt, and what may be disclosed beside it. */
export interface Captured {
  readonly digest: string;
  readonly encoding: Encoding;
  /** Content and salt by attribute key, both or none: the salt alone would let anybody confirm a guess. */
  readonly content: Readonly<Record<string, string>>;
}

/** What is to be captured: canonical text made at the choke point, so that what the tool does to the value later is of no matter. */
export interface Text {
  readonly text: string;
  readonly encoding: Encoding;
}

const NO_CONTENT: Readonly<Record<string, string>> = {};
const KEYS = {
  arguments: [ATTR.toolArguments, ATTR.saltArguments],
  result: [ATTR.toolResult, ATTR.saltResult],
  reason: [ATTR.reason, ATTR.saltReason],
} as const;

/** Commits to arguments or a result (SPEC.md, "Commitments"). */
export function captureValue(field: 'arguments' | 'result', value: Text, tool: string, redact: Redact | undefined): Captured {
  return capture(field, value, value.text, tool, redact);
}

/** Commits to a reason; undefined is the reason that was not given: the digest of `null`. */
export function captureReason(reason: string | undefined, tool: string, redact: Redact | undefined): Captured {
  if (reason === undefined) {
    return { digest: commitment('reason', 'null', newSalt(), nodeHashing), encoding: 'json', content: NO_CONTENT };
  }
  const plain = reason.toWellFormed();
  return capture('reason', { text: canonicalize(plain), encoding: 'json' }, plain, tool, redact);
}

function capture(field: CommittedField, { text, encoding }: Text, disclosed: string, tool: string, redact: Redact | undefined): Captured {
  const salt = newSalt();
  const digest = commitment(field, text, salt, nodeHashing);
  if (!mayDisclose(field, text, disclosed, tool, redact)) return { digest, encoding, content: NO_CONTENT };
  const [contentKey, saltKey] = KEYS[field];
  return { digest, encoding, content: { [contentKey]: disclosed, [saltKey]: salt } };
}

function mayDisclose(field: CommittedField, text: string, disclosed: string, tool: string, own: Redact | undefined): boolean {
  const { capture: wanted, redact: configured } = state().configuration;
  if (!wanted[field] || exceeds(disclosed, wanted.maxBytes)) return false;
  const redact = own ?? configured ?? defaultRedact;
  if (redact === defaultRedact) return !holdsCredential(text);
  // A copy: a redactor that edits in place must not edit what the tool gets. A redactor that fails withholds.
  const allowed = guarded('redact', () => redact(JSON.parse(text), { tool, field }));
  return allowed !== undefined && toCanonical(allowed).text === text;
}

function exceeds(text: string, maxBytes: number): boolean {
  return text.length > maxBytes || (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes);
}
