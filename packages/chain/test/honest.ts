import fc from 'fast-check';
import {
  ATTR,
  type AttributeValue,
  ChainWriter,
  type Components,
  canonicalize,
  commitment,
  fingerprintDigest,
  type Place,
  type PolicyDecision,
  portableHashing,
  type SpanView,
  type WrittenLink,
} from '../src/index.js';

// Honest sessions, as an agent would write them: random but lawful sequences of actions that overlap, nest, wait for approval and
// spawn children. Every one of them must come out without a finding.

export type Move =
  | { readonly type: 'begin'; readonly decision: PolicyDecision; readonly nested: boolean; readonly withContent: boolean }
  | { readonly type: 'finish'; readonly pick: number; readonly error: boolean }
  | { readonly type: 'change'; readonly component: 'system_prompt' | 'tools' | 'memory' | 'model'; readonly to: number }
  | { readonly type: 'heartbeat' }
  | { readonly type: 'child'; readonly moves: readonly Move[] };

const leaf: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('begin' as const),
      decision: fc.constantFrom<PolicyDecision>('allow', 'allow', 'deny', 'require_approval'),
      nested: fc.boolean(),
      withContent: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('finish' as const), pick: fc.nat(20), error: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('change' as const),
      component: fc.constantFrom('system_prompt' as const, 'tools' as const, 'memory' as const, 'model' as const),
      to: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'heartbeat' as const }) },
);

export const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: leaf },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('child' as const), moves: fc.array(leaf, { maxLength: 6 }) }) },
  ),
  { maxLength: 24 },
);

/** Makes ids and times: deterministic, so that a failing case replays. */
export class World {
  private readonly seed: string;
  private count = 0;
  private time = 1_790_000_000_000_000_000n;
  readonly links: WrittenLink[] = [];

  /** @param seed two worlds of one seed make the same ids */
  constructor(seed = 'world') {
    this.seed = seed;
  }

  id(length: number): string {
    return portableHashing.sha256(`${this.seed} ${this.count++}`).slice(0, length);
  }

  place(): Place {
    this.time += 1_000_000n;
    return { traceId: this.id(32), spanId: this.id(16), now: this.time };
  }

  record(link: WrittenLink | undefined): void {
    if (link) this.links.push(link);
  }
}

const component = (name: string, variant: number): string => fingerprintDigest(name, `variant ${variant}`, portableHashing);

export const COMPONENTS: Components = {
  system_prompt: component('system_prompt', 0),
  tools: component('tools', 0),
  memory: component('memory', 0),
  model: component('model', 0),
};

interface Running {
  readonly actionId: string;
  readonly tool: { readonly name: string; readonly type: string; readonly callId: string };
  readonly digest: string;
  readonly decision: PolicyDecision;
  approved: boolean;
}

/** Plays one session and its children; answers every link written, in the order of writing. */
export function play(
  script: readonly Move[],
  world = new World(),
  parent?: { session: string; seq: number; hash: string },
  id = world.id(32),
): WrittenLink[] {
  const writer = new ChainWriter({
    session: id,
    agent: { id: 'billing-bot', name: 'Billing bot', version: '1.2.3' },
    hashing: portableHashing,
  });
  world.record(writer.start({ components: COMPONENTS, principal: 'alice@example.com', owner: 'finance', parent }, world.place()));
  const running: Running[] = [];
  for (const move of script) make(move, writer, world, running);
  while (running.length > 0) finish(running.shift() as Running, false, writer, world);
  world.record(writer.end('completed', world.place()));
  return world.links;
}

function make(move: Move, writer: ChainWriter, world: World, running: Running[]): void {
  switch (move.type) {
    case 'begin':
      running.push(begin(move, writer, world, running));
      return;
    case 'finish':
      if (running.length > 0) finish(running.splice(move.pick % running.length, 1)[0] as Running, move.error, writer, world);
      return;
    case 'change':
      world.record(writer.change({ [move.component]: component(move.component, move.to) }, world.place()));
      return;
    case 'heartbeat':
      world.record(writer.heartbeat(world.place()));
      return;
    case 'child': {
      const child = world.id(32);
      const spawn = writer.spawn(child, world.place());
      world.record(spawn);
      play(move.moves, world, spawn, child);
      return;
    }
    default:
      move satisfies never;
  }
}

function begin(move: Extract<Move, { type: 'begin' }>, writer: ChainWriter, world: World, running: readonly Running[]): Running {
  const args = canonicalize({ to: 'a@example.com', n: running.length });
  const salt = world.id(64);
  const digest = commitment('arguments', args, salt, portableHashing);
  const reasonSalt = world.id(64);
  const outer = move.nested ? running.find((other) => other.decision === 'allow') : undefined;
  const action: Running = {
    actionId: `act_${world.id(12)}`,
    tool: { name: 'send_email', type: 'function', callId: `call_${world.id(8)}` },
    digest,
    decision: move.decision,
    approved: false,
  };
  world.record(
    writer.intent(
      {
        actionId: action.actionId,
        parentActionId: outer?.actionId,
        tool: action.tool,
        argumentsDigest: digest,
        argumentsEncoding: 'json',
        reasonDigest: commitment('reason', canonicalize('because'), reasonSalt, portableHashing),
        reasonSource: 'text',
        decision: move.decision,
        rule: 'none',
        content: move.withContent
          ? { [ATTR.toolArguments]: args, [ATTR.saltArguments]: salt, [ATTR.reason]: 'because', [ATTR.saltReason]: reasonSalt }
          : {},
      },
      world.place(),
    ),
  );
  return action;
}

function finish(action: Running, error: boolean, writer: ChainWriter, world: World): void {
  if (action.decision === 'require_approval') {
    const decision = error ? 'denied' : 'approved';
    action.approved = !error;
    world.record(
      writer.approval(
        { actionId: action.actionId, approvalId: world.id(16), decision, approver: 'bob', argumentsDigest: action.digest },
        world.place(),
      ),
    );
  }
  const ran = action.decision === 'allow' || action.approved;
  const status = ran ? (error ? 'error' : 'ok') : 'denied';
  world.record(
    writer.outcome(
      { actionId: action.actionId, tool: action.tool, status, ...(status === 'error' && { errorType: 'TimeoutError' }) },
      world.place(),
    ),
  );
}

/** The span that a reader would make of a written link. */
export function viewOf(link: {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}): SpanView {
  return { traceId: link.traceId, spanId: link.spanId, attributes: Object.entries(link.attributes) };
}
