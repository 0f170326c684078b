import {
  type ActionStatus,
  type ApprovalDecision,
  ATTR,
  type AttributeValue,
  ChainWriter,
  type Components,
  canonicalize,
  commitment,
  fingerprintDigest,
  linkHash,
  type PolicyDecision,
  type Position,
  portableHashing,
  type StartDetails,
  type WrittenLink,
} from '../src/index.js';
import { COMPONENTS, viewOf, World } from './honest.js';

// Sessions written by hand, lawful or not: what an agent, or whoever holds its place, could have signed its name to.

export type Edit = Readonly<Record<string, AttributeValue | undefined>>;

export const digestOf = (what: string): string => portableHashing.sha256(what);
export const componentDigest = (name: string, value: unknown): string => fingerprintDigest(name, value, portableHashing);

/** A session under the test's hand. Each method appends one link; `links` holds them all. */
export class Script {
  readonly links: WrittenLink[] = [];
  readonly writer: ChainWriter;
  readonly world: World;

  constructor(seed = 'script', world = new World(seed), agent = 'billing-bot', session = world.id(32)) {
    this.world = world;
    this.writer = new ChainWriter({ session, agent: { id: agent, name: 'Billing bot' }, hashing: portableHashing });
  }

  get id(): string {
    return this.writer.session;
  }

  get position(): Position {
    return this.writer.position;
  }

  private add(link: WrittenLink | undefined): this {
    if (!link) throw new Error('nothing was appended');
    this.links.push(link);
    return this;
  }

  start(details: Partial<StartDetails> = {}): this {
    return this.add(this.writer.start({ components: COMPONENTS, ...details }, this.world.place()));
  }

  intent(action: string, decision: PolicyDecision = 'allow', more: { parent?: string; components?: Components; args?: string } = {}): this {
    return this.add(
      this.writer.intent(
        {
          actionId: action,
          parentActionId: more.parent,
          tool: { name: 'send_email', type: 'function', callId: `call ${action}` },
          argumentsDigest: digestOf(more.args ?? action),
          argumentsEncoding: 'json',
          reasonDigest: digestOf(`reason ${action}`),
          reasonSource: 'none',
          decision,
          ...(more.components && {
            components: { ...COMPONENTS, ...more.components } as { system_prompt: string; tools: string; memory: string },
          }),
        },
        this.world.place(),
      ),
    );
  }

  approval(action: string, decision: ApprovalDecision = 'approved', more: { args?: string; id?: string } = {}): this {
    return this.add(
      this.writer.approval(
        {
          actionId: action,
          approvalId: more.id ?? this.world.id(16),
          decision,
          approver: 'bob@example.com',
          argumentsDigest: digestOf(more.args ?? action),
        },
        this.world.place(),
      ),
    );
  }

  outcome(action: string, status: ActionStatus = 'ok', tool = 'send_email'): this {
    return this.add(
      this.writer.outcome(
        { actionId: action, tool: { name: tool, type: 'function', callId: `call ${action}` }, status },
        this.world.place(),
      ),
    );
  }

  /** An intent with everything disclosed. */
  disclosed(action: string): this {
    const args = canonicalize({ to: 'a@example.com', cents: 1200 });
    const [salt, reasonSalt] = [this.world.id(64), this.world.id(64)];
    return this.add(
      this.writer.intent(
        {
          actionId: action,
          tool: { name: 'send_email', type: 'function', callId: `call ${action}` },
          argumentsDigest: commitment('arguments', args, salt, portableHashing),
          argumentsEncoding: 'json',
          reasonDigest: commitment('reason', canonicalize('the invoice is due'), reasonSalt, portableHashing),
          reasonSource: 'text',
          decision: 'allow',
          content: {
            [ATTR.toolArguments]: args,
            [ATTR.saltArguments]: salt,
            [ATTR.reason]: 'the invoice is due',
            [ATTR.saltReason]: reasonSalt,
          },
        },
        this.world.place(),
      ),
    );
  }

  change(components: Components): this {
    return this.add(this.writer.change(components, this.world.place()));
  }

  spawn(child: string, parentActionId?: string): this {
    return this.add(this.writer.spawn(child, this.world.place(), { parentActionId }));
  }

  loss(first: number, last: number): this {
    return this.add(this.writer.loss(first, last, 'spool full', this.world.place()));
  }

  attestation(unexecuted: readonly string[], unrequested: readonly string[] = []): this {
    const counts = { requested: 2 + unexecuted.length, executed: 2 + unrequested.length };
    return this.add(this.writer.attestation({ ...counts, unexecuted, unrequested }, this.world.place()));
  }

  heartbeat(count = 1): this {
    for (let i = 0; i < count; i++) this.add(this.writer.heartbeat(this.world.place()));
    return this;
  }

  end(): this {
    return this.add(this.writer.end('completed', this.world.place()));
  }
}

/** The link with some attributes replaced, added or (undefined) removed, and nothing else touched: what an editor of a store does. */
export function edit(link: WrittenLink, changes: Edit): WrittenLink {
  const attributes: Record<string, AttributeValue> = { ...link.attributes };
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) delete attributes[key];
    else attributes[key] = value;
  }
  return { ...link, attributes };
}

/** The link with its hash made right again: what an editor who knows the format does. */
export function rehash(link: WrittenLink, changes: Edit = {}): WrittenLink {
  const { attributes, ...rest } = edit(link, changes);
  const covered = Object.fromEntries(Object.entries(attributes).filter(([key]) => coveredInTests(key)));
  const hash = linkHash(canonicalize({ attributes: covered, span_id: link.spanId, trace_id: link.traceId }), portableHashing);
  return {
    ...rest,
    session: attributes[ATTR.sessionId] as string,
    seq: attributes[ATTR.seq] as number,
    prev: attributes[ATTR.prev] as string,
    hash,
    attributes: { ...attributes, [ATTR.hash]: hash },
  };
}

/** Rewrites a chain from `from` on, each link naming the one before: what whoever holds the agent's place can do. */
export function rechain(links: readonly WrittenLink[], changes: (link: WrittenLink) => Edit): WrittenLink[] {
  const out: WrittenLink[] = [];
  for (const link of links) {
    const before = out.at(-1);
    out.push(rehash(link, { ...(before && { [ATTR.prev]: before.hash }), ...changes(link) }));
  }
  return out;
}

// Written out once more from SPEC.md, "Hash": the tests must not take the code's word for what is covered.
const FOREIGN = new Set([
  'gen_ai.agent.id',
  'gen_ai.agent.name',
  'gen_ai.agent.version',
  'gen_ai.conversation.id',
  'gen_ai.operation.name',
  'gen_ai.tool.name',
  'gen_ai.tool.type',
  'gen_ai.tool.call.id',
  'error.type',
]);
const NOT_COVERED = /^custody\.(link\.(hash|signature|status)|action\.reason|salt\..*|finding\..*)$/;

export function coveredInTests(key: string): boolean {
  return key.startsWith('custody.') ? !NOT_COVERED.test(key) : FOREIGN.has(key);
}

export const views = (links: readonly WrittenLink[]): ReturnType<typeof viewOf>[] => links.map(viewOf);
