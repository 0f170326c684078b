import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ApprovalSettings } from '../approvals/open.js';
import { ReceiverError } from '../receive/error.js';
import { createGate, presentedHash } from '../receive/tokens.js';
import type { IngestToken } from '../receive/types.js';
import { ApiError } from './answer.js';
import type { ApprovalAccess } from './approvals.js';

/** Who a token is of, for a sign-in. */
interface Named {
  named(token: string): { readonly name: string; readonly may: 'read' | 'decide' } | undefined;
}

/** What an approver is called where nobody signs in: on this machine alone. */
export const LOCAL_APPROVER = 'local';

/**
 * @param trustsLocal nobody can sign in and only this machine can reach the collector: then whoever reaches it may decide
 * @throws ReceiverError `invalid_token`: an agent with an approver's token could approve itself
 */
export function createApprovalAccess(options: {
  readonly ingestTokens: readonly IngestToken[];
  readonly approverTokens: ApprovalSettings['approverTokens'];
  readonly callbackSecrets: readonly string[];
  readonly readerTokenSha256: string | undefined;
  readonly trustsLocal: boolean;
}): ApprovalAccess & Named {
  for (const { sha256, name } of options.approverTokens) {
    const other = options.ingestTokens.some((token) => token.sha256 === sha256) ? 'an ingest token' : 'the reader’s token';
    if (other === 'an ingest token' || sha256 === options.readerTokenSha256)
      throw new ReceiverError('invalid_token', `the token of approver ${name} is also ${other}: give each a token of its own`);
  }
  const gate = createGate(options.ingestTokens, undefined);
  const approvers = options.approverTokens.map(({ sha256, name }) => ({ hash: Buffer.from(sha256, 'hex'), name }));
  const readerHash = options.readerTokenSha256 === undefined ? undefined : Buffer.from(options.readerTokenSha256, 'hex');
  // Every one is compared, in constant time each.
  const approverOf = (presented: Buffer): string | undefined => {
    let found: string | undefined;
    for (const { hash, name } of approvers) if (timingSafeEqual(presented, hash)) found = name;
    return found;
  };
  return {
    agent(request) {
      try {
        return gate.caller(request.headers.authorization);
      } catch {
        throw new ApiError('unauthorized', 'send the agent\'s ingest token as "Authorization: Bearer TOKEN"');
      }
    },
    approver(request: IncomingMessage) {
      const presented = presentedHash(request.headers.authorization);
      if (presented === undefined) return options.trustsLocal ? { name: LOCAL_APPROVER, way: 'local' } : undefined;
      const name = approverOf(presented);
      return name === undefined ? undefined : { name, way: 'token' };
    },
    named(token) {
      const presented = presentedHash(`Bearer ${token}`);
      if (presented === undefined) return undefined;
      const name = approverOf(presented);
      if (name !== undefined) return { name, may: 'decide' };
      return readerHash !== undefined && timingSafeEqual(presented, readerHash) ? { name: 'reader', may: 'read' } : undefined;
    },
    callbackSecrets: options.callbackSecrets,
  };
}
