import type { Components, Position, WrittenLink } from '@agent-custody/chain';
import type { Context } from '@opentelemetry/api';
import type { Action } from './action.js';
import { type Asked, AskedCalls } from './asked.js';
import { Attestation } from './attestation.js';
import { guarded } from './errors.js';
import type { EvidenceLoss } from './evidence/types.js';
import { FingerprintMeter } from './fingerprint.js';
import { state } from './global.js';
import { IdleTimer } from './idle.js';
import { type Announcement, type Family, familyOf, join, type Lineage, leave } from './lineage.js';
import { newSessionId } from './random.js';
import { Recorder } from './recorder.js';
import { activeContext, activeOrSession, type LinkSpan, startLinkSpan, within } from './spans.js';
import type { ActionCall, ActiveSession, Agent, Hold, ModelCall, ModelRequest, SessionOptions, SessionOutcome } from './types.js';

/** What the successor of a session that has ended knows already. */
interface Inherited {
  readonly components: Components;
  readonly asked: AskedCalls;
  readonly family: Family;
}

/** What a model is sent: the components that an earlier model call can tell of a later action. */
const SENT: ReadonlySet<string> = new Set(['system_prompt', 'tools', 'model']);

/** From the one that says least: the gravest outcome reported is the session's. */
const GRAVITY: readonly SessionOutcome[] = ['completed', 'shutdown', 'abandoned', 'cancelled', 'error'];

/**
 * One session: opened, held open while anything of it is under way, and ended (SPEC.md, "Spans"). It starts its chain at the first
 * model call or action; one that has neither, and was announced to nobody, leaves no link.
 */
export class Session implements ActiveSession {
  readonly id = newSessionId();
  /** The context of what runs directly in it. */
  readonly context: Context;
  readonly recorder: Recorder;
  readonly family: Family;
  private readonly options: SessionOptions;
  private readonly agent: Agent;
  private readonly span: LinkSpan;
  private readonly meter: FingerprintMeter;
  private readonly parent: Position | undefined;
  private readonly announced: boolean;
  private readonly automatic: boolean;
  private readonly asked: AskedCalls;
  private readonly attestation = new Attestation(() => this.endWhenIdle());
  private readonly actions = new Set<Action>();
  private phase: 'open' | 'closing' | 'ended' = 'open';
  private holds = 0;
  private settled = false;
  private outcome: SessionOutcome = 'completed';
  private lastAllowed: Position | undefined;
  private successor: Session | undefined;
  private waiting: NodeJS.Timeout | undefined;
  /** Pending while memory is measured for the end. */
  closed: Promise<void> | undefined;

  /**
   * @param automatic opened around one run of a framework's, which is over when its function has settled
   * @throws CustodyError `invalid_argument` for a mask that is no regular expression
   */
  constructor(options: SessionOptions, agent: Agent, lineage: Lineage, automatic = false, inherited?: Inherited) {
    this.options = options;
    this.agent = agent;
    this.automatic = automatic;
    this.meter = new FingerprintMeter(options, inherited?.components);
    this.asked = inherited?.asked ?? new AskedCalls();
    const outer = activeContext(state().frames.getStore());
    const announcement = lineage.type === 'nested' ? lineage.in.announce(this.id, outer, agent, lineage.as) : undefined;
    this.family = join(inherited?.family ?? familyOf(lineage, automatic));
    this.announced = announcement !== undefined;
    this.parent = lineage.type === 'asked' ? lineage.by : announcement && positionOf(announcement);
    this.recorder = new Recorder(this.id, agent, announcement ? BigInt(announcement.time) : 0n);
    this.span = this.recorder.span('invoke_agent', outer);
    this.context = within(this.span, outer);
    state().open.add(this);
    state().opened++;
  }

  /** `gen_ai.agent.id` of its links. */
  get agentId(): string {
    return this.agent.id;
  }

  get principal(): string | undefined {
    return this.options.principal;
  }

  get ended(): boolean {
    return this.phase === 'ended';
  }

  /** Whether the function that it was opened for is still under way. */
  get running(): boolean {
    return this.phase !== 'ended' && !this.settled;
  }

  /** Where a child that this session can announce no more belongs: the intent of its last action that was not denied. */
  get lastIntent(): Position | undefined {
    return this.lastAllowed;
  }

  /** Memory that is only known asynchronously: to be awaited before anything runs in the session. */
  prepare(): Promise<unknown> | undefined {
    if (typeof this.options.memory !== 'function') return undefined;
    const memory = this.meter.measureMemory();
    return typeof memory === 'string' ? undefined : memory;
  }

  /** This session, or, when it has ended, the one that takes what still comes. */
  live(): Session {
    if (this.phase !== 'ended') return this;
    this.successor = this.successor?.live() ?? this.succeed();
    return this.successor;
  }

  modelCall(sent: ModelRequest): ModelCall {
    if (this.phase === 'ended') return this.live().modelCall(sent);
    this.attestation.modelCall();
    guarded('measuring a model call', () => this.measure(this.meter.asked(sent), sent.conversationId));
    const { components } = this.recorder;
    const done = this.join();
    return {
      asked: (calls, reason) => {
        for (const { callId, toolName, runs = false } of calls) {
          const asked = { reason, components, session: this.id, agent: this.agent, toolName };
          this.asked.remember(callId, asked);
          state().asked.share(callId, asked);
          this.attestation.asked(callId, runs);
        }
      },
      done,
    };
  }

  forgo(callIds: readonly string[]): void {
    for (const callId of callIds) this.attestation.forgo(callId);
    this.successor?.forgo(callIds);
  }

  /** A call begins, or is refused. */
  executes({ tool: { callId }, requested = false }: Pick<ActionCall<unknown>, 'tool' | 'requested'>): void {
    if (callId !== undefined) this.attestation.executed(callId, requested);
  }

  hold(): Hold {
    if (this.phase === 'ended') return this.live().hold();
    this.holds++;
    let open = true;
    const release = (outcome: SessionOutcome = 'completed'): void => {
      if (!open) return;
      open = false;
      idle.stop();
      this.note(outcome);
      this.release();
    };
    const idle = new IdleTimer(state().configuration.idleMs, () => release('abandoned'));
    return { touch: () => idle.touch(), release };
  }

  /** A run that goes on in this session, and may outlast its function; answers how to say that it is over. */
  join(): () => void {
    this.holds++;
    let open = true;
    return () => {
      if (open) this.release();
      open = false;
    };
  }

  settle(outcome: SessionOutcome): void {
    this.note(outcome);
    this.settled = true;
    // Whoever was told of it waits for its start, even when a stream keeps it from ending.
    if (this.announced) guarded('starting a session', () => this.start());
    this.endWhenIdle();
  }

  /** The reason and fingerprint of the model call that asked for a tool call. */
  askedFor(callId: string | undefined): Partial<Asked> {
    const asked = this.asked.find(callId);
    return asked?.session === this.id ? asked : { reason: asked?.reason };
  }

  /** An action begins: the session starts with it at the latest, and stays open until it has left. */
  enter(action: Action): void {
    if (!this.recorder.started) this.start(this.takenUp(action.call));
    // A policy that changed is announced before the first action that it decides about.
    this.change(policyInForce());
    this.actions.add(action);
    this.holds++;
    this.executes(action.call);
  }

  /** The intent of an action that may run is on record. */
  allowed(intent: WrittenLink): void {
    this.lastAllowed = positionOf(intent);
  }

  leave(action: Action, outcome: SessionOutcome = 'completed'): void {
    if (!this.actions.delete(action)) return;
    this.note(outcome);
    this.release();
  }

  declareLoss(loss: EvidenceLoss): void {
    guarded('declaring a loss', () => this.recorder.declareLoss(loss, activeOrSession(state().frames.getStore(), this.context)));
  }

  /**
   * Ends at once, whatever is under way: the process is about to go.
   *
   * @param drained nothing can happen any more, not even what was about to
   */
  shutDown(drained = false): void {
    if (this.phase === 'ended') return;
    const over = this.over(drained);
    this.note('shutdown');
    guarded('ending a session', () => this.finish(undefined, over));
  }

  /** Ends as `shutdown` when nothing is under way. */
  shutDownWhenIdle(): void {
    if (this.holds === 0 && this.attestation.grace === 0) this.settle('shutdown');
  }

  private announce(child: string, outer: Context, agent: Agent, as: Announcement | undefined): WrittenLink | undefined {
    return guarded('announcing a session', () => {
      this.start();
      const span = startLinkSpan(`spawn ${agent.name ?? agent.id}`, outer);
      return this.recorder.record(span, (writer, place) => writer.spawn(child, { ...place, now: as?.at ?? place.now }, as));
    });
  }

  private succeed(): Session {
    const inherited = { components: this.recorder.components, asked: this.asked, family: this.family };
    const by = this.lastAllowed ?? (this.recorder.started ? undefined : this.parent);
    const session = new Session(this.options, this.agent, by ? { type: 'asked', by } : { type: 'root' }, false, inherited);
    // Nobody's function runs in it: it ends with what it was opened for.
    session.settled = true;
    return session;
  }

  /**
   * The state in which a model call of an earlier session asked for the action that this one starts with: a run that goes on after a
   * human was asked is still of that state. Memory is what it is now.
   */
  private takenUp({ tool }: Pick<ActionCall<unknown>, 'tool'>): Components | undefined {
    const asked = state().asked.findOf(this.agent, tool);
    if (asked === undefined) return undefined;
    const sent = Object.entries(asked.components).filter(([name]) => SENT.has(name));
    return { ...Object.fromEntries(sent), memory: this.meter.memoryNow() };
  }

  private measure(components: Components, conversationId: string | undefined): void {
    if (!this.recorder.started) this.start(components, conversationId);
    else this.change(components);
  }

  private start(components?: Components, conversationId?: string): void {
    if (this.recorder.started) return;
    const { principal, owner, memoryStore } = this.options;
    const details = {
      components: { ...this.meter.initial(components), ...policyInForce() },
      principal,
      owner,
      memoryStore,
      processId: state().process,
      familyId: this.family.id,
      parent: this.parent,
    };
    this.recorder.start({ ...details, conversationId: this.options.conversationId ?? conversationId }, this.context);
  }

  private change(components: Components): void {
    const latest = this.recorder.components;
    if (Object.keys(components).every((name) => components[name] === latest[name])) return;
    const span = this.recorder.span('fingerprint.change', activeContext(state().frames.getStore()));
    this.recorder.record(span, (writer, place) => writer.change(components, place));
  }

  private note(outcome: SessionOutcome): void {
    // A process is not abandoned or cancelled because something in it was.
    if (state().processSession === this && outcome !== 'shutdown') return;
    if (GRAVITY.indexOf(outcome) > GRAVITY.indexOf(this.outcome)) this.outcome = outcome;
  }

  private release(): void {
    this.holds--;
    this.endWhenIdle();
  }

  private endWhenIdle(): void {
    if (this.phase !== 'open' || !this.settled || this.holds > 0 || this.waitsForCalls()) return;
    guarded('ending a session', () => this.end());
  }

  /** A run that nobody awaits may be between its model's answer and the tool. */
  private waitsForCalls(): boolean {
    clearTimeout(this.waiting);
    const { grace } = this.attestation;
    if (this.automatic || this.outcome !== 'completed' || grace === 0) return false;
    // Timers fire up to a millisecond early by the finer clock.
    this.waiting = setTimeout(() => this.endWhenIdle(), grace + 1);
    this.waiting.unref();
    return true;
  }

  /** Whether calls that were asked for and have not begun are to be held against it: not when its runs may not have come so far. */
  private over(drained: boolean): boolean {
    const stopped = this.outcome !== 'completed' && this.outcome !== 'shutdown';
    if (stopped || this.holds > 0 || !(this.settled || state().processSession === this)) return false;
    return this.automatic || drained || this.attestation.grace === 0;
  }

  private end(): void {
    const memory = this.unheard ? undefined : this.meter.measureMemory();
    if (typeof memory === 'object') this.endAfter(memory);
    else this.finish(memory, this.over(false));
  }

  private endAfter(memory: Promise<string>): void {
    this.phase = 'closing';
    const before = this.recorder.links;
    const closed: Promise<void> = memory.then((digest) => {
      state().closing.delete(closed);
      this.closed = undefined;
      if (this.phase !== 'closing') return undefined;
      // Something came while memory was being measured: it may have changed it.
      this.phase = 'open';
      if (this.holds > 0 || this.recorder.links !== before) this.endWhenIdle();
      else guarded('ending a session', () => this.finish(digest, this.over(false)));
      return this.closed;
    });
    this.closed = closed;
    state().closing.add(closed);
  }

  /** Nothing happened in it that anyone could ask about. */
  private get unheard(): boolean {
    return !this.recorder.started && !this.announced;
  }

  private finish(memory: string | undefined, over: boolean): void {
    this.phase = 'closing';
    clearTimeout(this.waiting);
    try {
      if (this.unheard) this.span.span?.end();
      else this.conclude(memory, over);
    } finally {
      this.phase = 'ended';
      this.recorder.stop();
      const over = leave(this.family);
      guarded('telling the guard', () => state().configuration.guard?.ended?.(this.id, over));
      state().open.delete(this);
      if (state().processSession === this) state().processSession = undefined;
    }
  }

  /** The last links, in their order: memory, outcomes, the attestation, losses, the end. */
  private conclude(memory: string | undefined, over: boolean): void {
    this.start();
    guarded('measuring memory', () => this.change({ memory: memory ?? this.meter.memoryNow() }));
    for (const action of [...this.actions].reverse()) action.abandon();
    guarded('attesting', () => this.attest(over));
    this.recorder.declareRest(this.context);
    this.recorder.record(this.span, (writer, place) => writer.end(this.outcome, place), this.outcome === 'error');
  }

  private attest(over: boolean): void {
    const details = this.attestation.close(over);
    if (details)
      this.recorder.record(this.recorder.span('attestation', this.context), (writer, place) => writer.attestation(details, place));
  }
}

function positionOf({ session, seq, hash }: WrittenLink): Position {
  return { session, seq, hash };
}

const NO_POLICY: Components = {};

/** The component that a guard adds; it is asked before each decision, and decides by what it answered. */
function policyInForce(): Components {
  const policy = state().configuration.guard?.fingerprint?.();
  return policy === undefined ? NO_POLICY : { policy };
}
