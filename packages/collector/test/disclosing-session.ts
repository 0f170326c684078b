import { randomBytes } from 'node:crypto';
import { ATTR, ChainWriter, canonicalize, commitment, type Place, type WrittenLink } from '@agent-custody/chain';
import { nodeHashing } from '../src/hashing.js';
import { newId } from './sessions.js';

const COMPONENTS = { system_prompt: 'a'.repeat(64), tools: 'b'.repeat(64), memory: 'c'.repeat(64) };

/** A session of one action that discloses this content, JSON text and plain text, on its intent. */
export function disclosingSession(content: { readonly arguments?: string; readonly reason?: string }): WrittenLink[] {
  const writer = new ChainWriter({ session: newId(16), agent: { id: 'billing-bot', name: 'billing-bot' }, hashing: nodeHashing });
  const traceId = newId(16);
  const place = (): Place => ({ traceId, spanId: newId(8), now: BigInt(Date.now()) * 1_000_000n });
  const salts = { arguments: randomBytes(32).toString('hex'), reason: randomBytes(32).toString('hex') };
  const tool = { name: 'send_email' };
  const start = writer.start({ components: COMPONENTS, principal: 'ann@example.com' }, place());
  const intent = writer.intent(
    {
      actionId: newId(8),
      tool,
      argumentsDigest: commitment('arguments', content.arguments ?? 'null', salts.arguments, nodeHashing),
      argumentsEncoding: 'json',
      reasonDigest: commitment('reason', canonicalize(content.reason ?? null), salts.reason, nodeHashing),
      reasonSource: 'text',
      decision: 'allow',
      rule: 'none',
    },
    place(),
  );
  const shown = {
    ...intent.attributes,
    ...(content.arguments !== undefined && { [ATTR.toolArguments]: content.arguments, [ATTR.saltArguments]: salts.arguments }),
    ...(content.reason !== undefined && { [ATTR.reason]: content.reason, [ATTR.saltReason]: salts.reason }),
  };
  const actionId = String(intent.attributes[ATTR.actionId]);
  const outcome = writer.outcome({ actionId, tool, status: 'ok' }, place());
  return [start, { ...intent, attributes: shown }, outcome, writer.end('completed', place())];
}
