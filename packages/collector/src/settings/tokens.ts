import { hash, randomBytes } from 'node:crypto';
import { z } from 'zod';

// Only hashes of tokens are ever kept: who reads the settings, the file or the process list learns nothing that opens a door.
// The tokens are 256 random bits, so a plain SHA-256 cannot be reversed by guessing; a password would need a slow hash.

const SHA256 = /^[0-9a-f]{64}$/;
const digest = z.string().regex(SHA256, 'expected the 64 lower-case hex of a token’s SHA-256, as `agent-custody token` prints it');

/** A token that may send spans, and for whom. */
const ingestTokenSchema = z.strictObject({
  sha256: digest,
  /** `gen_ai.agent.id`s, or `'*'` for any agent: a gateway that speaks for many. */
  agents: z.union([z.literal('*'), z.array(z.string().min(1)).min(1)]),
});
export type IngestToken = z.infer<typeof ingestTokenSchema>;

const INGEST_EXAMPLE = 'expected SHA256:AGENT[,AGENT…] (or SHA256:* for any agent), as `agent-custody token --agent ID` prints it';

/** Ingest tokens as settings have them: `SHA256:AGENT,AGENT` or a mapping each. */
export const ingestTokens = () =>
  z.array(z.unknown(), { error: `expected a list; ${INGEST_EXAMPLE}` }).transform((items, context): readonly IngestToken[] => {
    const tokens: IngestToken[] = [];
    for (const [index, item] of items.entries()) {
      const parsed = ingestTokenSchema.safeParse(typeof item === 'string' ? compact(item) : item);
      if (parsed.success) tokens.push(parsed.data);
      else {
        context.addIssue({ code: 'custom', message: `entry ${index + 1}: ${INGEST_EXAMPLE}` });
        return z.NEVER;
      }
    }
    return tokens;
  });

function compact(text: string): unknown {
  const at = text.indexOf(':');
  const agents = at < 0 ? '' : text.slice(at + 1);
  return { sha256: text.slice(0, Math.max(at, 0)), agents: agents === '*' ? '*' : agents.split(',').filter((agent) => agent !== '') };
}

const APPROVER_EXAMPLE = 'expected SHA256:NAME, as `agent-custody token --approver NAME` prints it';

/** A token that may decide about approvals, and whose it is. */
export interface ApproverToken {
  readonly sha256: string;
  readonly name: string;
}

/** Approvers' tokens as settings have them: `SHA256:NAME` or a mapping each. */
export const approverTokens = () =>
  z.array(
    z
      .union([z.string(), z.strictObject({ sha256: digest, name: z.string().min(1) })], { error: APPROVER_EXAMPLE })
      .transform((item, context): ApproverToken => {
        const token = typeof item === 'string' ? { sha256: item.slice(0, 64), name: item.slice(65) } : item;
        if (SHA256.test(token.sha256) && token.name !== '' && (typeof item !== 'string' || item[64] === ':')) return token;
        context.addIssue({ code: 'custom', message: APPROVER_EXAMPLE });
        return z.NEVER;
      }),
    { error: APPROVER_EXAMPLE },
  );

/** The reader's token as settings have it. */
export const readerToken = () => z.string({ error: READER_EXAMPLE }).regex(SHA256, READER_EXAMPLE);

const READER_EXAMPLE = 'expected the 64 lower-case hex of a token’s SHA-256, as `agent-custody token --reader` prints it';

/**
 * Makes a new token and its hash. The token is shown once and kept nowhere.
 *
 * @example const { token, sha256 } = newToken();
 */
export function newToken(): { readonly token: string; readonly sha256: string } {
  const token = `custody_${randomBytes(32).toString('base64url')}`;
  return { token, sha256: tokenHash(token) };
}

/** SHA-256 of a token, 64 lower-case hex: what settings hold. */
export function tokenHash(token: string): string {
  return hash('sha256', token, 'hex');
}
