// Sessions that know each other: parents and children, and sessions with one memory; with content that can be looked for.

import { randomBytes } from 'node:crypto';
import { ATTR, ChainWriter, canonicalize, commitment, type Place, type Position, type WrittenLink } from '@agent-custody/chain';
import { nodeHashing } from '../src/hashing.js';
import { newId } from './sessions.js';

export const MEMORIES = { first: '1'.repeat(64), second: '2'.repeat(64) };

export interface AuthorOptions {
  readonly agent?: string;
  readonly session?: string;
  readonly parent?: Position | undefined;
  readonly store?: string | undefined;
  /** Digest of memory at the start. */
  readonly memory?: string;
  readonly owner?: string;
  readonly principal?: string;
  /** When it begins, Unix ms; each link is a millisecond later. */
  readonly atMs?: number;
}

/** Writes one session, link by link. */
export class Author {
  readonly session: string;
  readonly traceId = newId(16);
  readonly links: WrittenLink[] = [];
  private readonly writer: ChainWriter;
  private now: bigint;

  constructor({
    agent = 'billing-bot',
    session = newId(16),
    parent,
    store,
    memory,
    owner,
    principal,
    atMs = 1_780_000_000_000,
  }: AuthorOptions = {}) {
    this.session = session;
    this.now = BigInt(atMs) * 1_000_000n;
    this.writer = new ChainWriter({ session, agent: { id: agent, name: agent }, hashing: nodeHashing });
    const components = { system_prompt: 'a'.repeat(64), tools: 'b'.repeat(64), memory: memory ?? MEMORIES.first };
    this.links.push(this.writer.start({ components, parent, memoryStore: store, owner, principal }, this.place()));
  }

  get last(): WrittenLink {
    return this.links.at(-1) as WrittenLink;
  }

  /** As what a child names its parent's link. */
  get position(): Position {
    const { session, seq, hash } = this.last;
    return { session, seq, hash };
  }

  /** An action that discloses its arguments, its reason and its result. */
  act(secret = 'nothing', decision: 'allow' | 'deny' = 'allow', status: 'ok' | 'denied' = 'ok'): this {
    const actionId = newId(8);
    const tool = { name: 'send_email' };
    const shown = { arguments: canonicalize({ to: secret }), reason: `because of ${secret}`, result: canonicalize([secret]) };
    const salts = { arguments: salt(), reason: salt(), result: salt() };
    const intent = this.writer.intent(
      {
        actionId,
        tool,
        argumentsDigest: commitment('arguments', shown.arguments, salts.arguments, nodeHashing),
        argumentsEncoding: 'json',
        reasonDigest: commitment('reason', canonicalize(shown.reason), salts.reason, nodeHashing),
        reasonSource: 'text',
        decision,
        rule: 'mail',
        content: {
          [ATTR.toolArguments]: shown.arguments,
          [ATTR.saltArguments]: salts.arguments,
          [ATTR.reason]: shown.reason,
          [ATTR.saltReason]: salts.reason,
        },
      },
      this.place(),
    );
    const outcome = this.writer.outcome(
      {
        actionId,
        tool,
        status,
        resultDigest: commitment('result', shown.result, salts.result, nodeHashing),
        content: { [ATTR.toolResult]: shown.result, [ATTR.saltResult]: salts.result },
      },
      this.place(),
    );
    this.links.push(intent, outcome);
    return this;
  }

  /** Announces a child, which is to name this link as its parent's. */
  spawn(child: string): this {
    this.links.push(this.writer.spawn(child, this.place()));
    return this;
  }

  change(memory: string): this {
    const changed = this.writer.change({ memory }, this.place());
    if (changed !== undefined) this.links.push(changed);
    return this;
  }

  end(): this {
    this.links.push(this.writer.end('completed', this.place()));
    return this;
  }

  private place(): Place {
    this.now += 1_000_000n;
    return { traceId: this.traceId, spanId: newId(8), now: this.now };
  }
}

/** A parent, and the child that it announced; both ended. */
export function family(parent: AuthorOptions = {}, child: AuthorOptions = {}): { readonly parent: Author; readonly child: Author } {
  const id = newId(16);
  const above = new Author(parent).act().spawn(id);
  const below = new Author({ ...child, session: id, parent: above.position }).act().end();
  return { parent: above.end(), child: below };
}

const salt = (): string => randomBytes(32).toString('hex');
