import { type ApprovalDecision, type Components, type IntentDetails, toCanonical, type WrittenLink } from '@agent-custody/chain';
import { type Context, context } from '@opentelemetry/api';
import { withParent } from './baggage.js';
import { type Captured, captureReason, captureValue, type Text } from './capture.js';
import { milliseconds } from './clock.js';
import { recordRefusedChild } from './enforce/children.js';
import { guarded } from './errors.js';
import { errorType, statusOfError } from './failure.js';
import { type Frame, state } from './global.js';
import { type Answer, type ProposedAction, type Refusal, type Ruling, refusalOf, rule, ruleChild } from './guard.js';
import type { Session } from './lifecycle.js';
import { type Announcement, familiesFrom } from './lineage.js';
import { type Observer, observe, type Stop } from './observe.js';
import { newSpanId } from './random.js';
import { refused } from './refused.js';
import { liveSession } from './session.js';
import { activeOrSession, type LinkSpan, startLinkSpan, within } from './spans.js';
import { streamAfter } from './stream-after.js';
import type { ActionCall, ActionStatus } from './types.js';

/** A stream's values are committed to as one array; past this many characters only their being yielded is known. */
const STREAM_LIMIT = 1024 * 1024;
/** What one that ran can end with; anything else, from an application without types, would make the outcome malformed. */
const STATUSES: ReadonlySet<ActionStatus> = new Set(['ok', 'error', 'timeout', 'cancelled']);

/**
 * Records intent, runs, records outcome. The intent is on the evidence channel before `execute` is called. Result, error and `this`
 * are the application's own: what is synchronous stays so, promises stay promises, streams stay streams. When recording fails the
 * call runs all the same.
 *
 * @example await runAction({ tool: { name: 'send_email', callId }, arguments: input }, () => sendEmail(input))
 */
export function runAction<T>(call: ActionCall<T>, execute: () => T): T {
  const action = guarded('recording an intent', () => begin(call));
  if (action === undefined) return unrecorded(call, execute);
  if (action === 'seen') return execute();
  if (action.refusal && !call.unstoppable) return refuse(call, action, action.refusal);
  if (action.wait === undefined || call.unstoppable) return run(action, execute);
  const goOn = (refusal = action.altered()): T => (refusal ? refuse(call, action, refusal) : run(action, execute));
  if (call.awaited !== 'iterator') return action.permission(call.signal).then(goOn) as T;
  const waits = { permission: () => action.permission(call.signal), abandon: () => action.abandon() };
  return streamAfter(waits, (refusal) => goOn(refusal) as AsyncIterable<unknown>, state().configuration.idleMs) as T;
}

/**
 * A human's word on the action that the present code is inside of, said in the framework's own approval flow after the intent.
 *
 * @param callId of the call that it is about: a framework that is used by hand may ask inside an action that is none of its own
 */
export function recordDecision(decision: ApprovalDecision, callId: string): void {
  const action = state().frames.getStore()?.action;
  if (action?.call.tool.callId === callId) action.said(decision);
}

function run<T>(action: Action, execute: () => T): T {
  let result: T;
  try {
    result = action.within(execute);
  } catch (error) {
    action.error(error);
    throw error;
  }
  return observe(result, action, state().configuration.idleMs);
}

/** Observation fails open; with a guard in force, what cannot be put on record cannot run. */
function unrecorded<T>(call: ActionCall<T>, execute: () => T): T {
  const guardless = state().configuration.guard === undefined && !call.acknowledged && !humanDenied(call);
  if (guardless || call.unstoppable) return execute();
  return refused(call, refusalOf(call.tool.name, { rule: 'error', reason: 'its intent could not be recorded' }));
}

/** In the framework's own approval flow. */
function humanDenied({ approvals = [] }: Pick<ActionCall<unknown>, 'approvals'>): boolean {
  return approvals.some(({ decision }) => decision !== 'approved');
}

function refuse<T>(call: ActionCall<T>, action: Action, refusal: Refusal): T {
  action.denied();
  return refused(call, refusal);
}

/** `seen`: a second patch of one framework sees the action that is under way. */
function begin<T>(call: ActionCall<T>): Action | 'seen' {
  const frame = state().frames.getStore();
  if (frame !== undefined && isSeen(call, frame)) {
    // The patch outside may not have been told the call id.
    liveSession(call.session).executes(call);
    return 'seen';
  }
  return new Action(call as ActionCall<unknown>, liveSession(call.session), frame);
}

function isSeen(call: Pick<ActionCall<unknown>, 'dedupe' | 'governed' | 'tool'>, frame: Frame): boolean {
  if (frame.action?.stands(call)) return true;
  for (let outer: Frame | undefined = frame; call.dedupe !== undefined && outer; outer = outer.parent) {
    if (outer.action?.standsFirm && outer.action.call.dedupe === call.dedupe) return true;
  }
  return false;
}

/** One tool call under way, from its intent to its outcome. */
export class Action implements Observer {
  /** `custody.action.id`: ours, since frameworks repeat their call ids in retries. */
  readonly id = newSpanId();
  readonly call: ActionCall<unknown>;
  private readonly session: Session;
  private readonly span: LinkSpan;
  private readonly context: Context;
  private readonly frame: Frame;
  private begun = false;
  private stood = false;
  private finished = false;
  /** While it waits: what it waits for is of no use any more. */
  private giveUp: (() => void) | undefined;
  private proposed: ProposedAction | undefined;
  private ruling: Ruling | undefined;
  private intent: WrittenLink | undefined;
  private argumentsDigest = '';
  /** The arguments that were decided about; kept while the action waits. */
  private decided: string | undefined;
  private readonly yields: string[] = [];
  private yieldedLength = 0;

  /** Appends the intent. Arguments are captured here: what the tool does to them later is of no matter. */
  constructor(call: ActionCall<unknown>, session: Session, outer: Frame | undefined) {
    this.call = call;
    this.session = session;
    const parent = activeOrSession(outer, session.context);
    const { name } = call.tool;
    session.enter(this);
    try {
      this.span = startLinkSpan(`execute_tool ${name}`, parent);
      const own = within(this.span, parent);
      this.intent = this.announce(own, outer);
      this.context = this.intent ? withParent(own, this.intent) : own;
      this.frame = { session, action: this, parent: outer, context: this.context };
    } catch (error) {
      this.tellGuard('denied');
      session.leave(this);
      throw error;
    }
  }

  /** Whether what runs inside it has been decided about with it: not once it is over, nor when it was denied and could not be stopped. */
  get standsFirm(): boolean {
    return !this.finished && !(this.call.unstoppable && this.refusal);
  }

  /** Whether a call right inside this one is this one, seen again: by an adapter, where the tool is a governed one too. Once. */
  stands({ governed = false, tool }: Pick<ActionCall<unknown>, 'governed' | 'tool'>): boolean {
    const own = this.call;
    if (!this.standsFirm || this.stood || governed === (own.governed ?? false) || own.tool.name !== tool.name) return false;
    const ids = [own.tool.callId, tool.callId];
    this.stood = ids.includes(undefined) || ids[0] === ids[1];
    return this.stood;
  }

  /** Set when it must not run. */
  get refusal(): Refusal | undefined {
    const { name } = this.call.tool;
    if (humanDenied(this.call)) return refusalOf(name, { rule: 'approval', reason: 'a human denied it' });
    if (this.ruling === undefined) return undefined;
    const { decision, wait } = this.ruling;
    if (decision === 'deny' || (decision === 'require_approval' && !wait)) return refusalOf(name, this.ruling);
    if (this.proposed && !this.intent) return refusalOf(name, { ...this.ruling, reason: 'its intent could not be recorded' });
    if (!wait || this.call.awaited) return undefined;
    return refusalOf(name, { ...this.ruling, reason: 'it would have to wait, and it is synchronous' });
  }

  /** Set when something must come before it runs. */
  get wait(): Ruling['wait'] {
    return this.ruling?.wait;
  }

  /** Waits for what must come first; each word of a human is a link. Answers why it must not run, if so. Never rejects. */
  async permission(signal: AbortSignal | undefined): Promise<Refusal | undefined> {
    const { ruling, intent } = this;
    const { name } = this.call.tool;
    const failed = { go: false, reason: 'what it had to wait for failed' };
    let answer: Answer = failed;
    const span = ruling?.decision === 'require_approval' ? startLinkSpan(`approval ${name}`, this.context) : undefined;
    const over = new AbortController();
    this.giveUp = () => over.abort();
    const stop = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
    if (intent && ruling?.wait) answer = await ruling.wait(intent, stop).catch(() => failed);
    guarded('recording an approval', () => this.approved(answer, span));
    const refuseFor = (reason: string | undefined): Refusal => refusalOf(name, { rule: ruling?.rule ?? 'none', reason });
    if (this.finished) return refuseFor('its session has ended');
    if (!answer.go) return refuseFor(answer.reason);
    return signal?.aborted ? refuseFor('it was cancelled while it waited') : undefined;
  }

  /**
   * What was approved is what runs: an application that changes the arguments meanwhile would get an approval for another call. To be
   * asked right before it runs. Why it must not, if so.
   */
  altered(): Refusal | undefined {
    if (toCanonical(this.call.arguments).text === this.decided) return undefined;
    return refusalOf(this.call.tool.name, { rule: this.ruling?.rule ?? 'none', reason: 'its arguments changed while it waited' });
  }

  /** Another agent's session is about to start inside it: what its announcement says, or why it must not. */
  starts(agent: string): Announcement | Refusal {
    const { id, proposed, session } = this;
    const at = session.recorder.moment();
    const ruling = proposed && !this.finished ? ruleChild(proposed, { agent, at: milliseconds(at) }) : undefined;
    if (ruling === undefined || ruling.decision === 'allow')
      return { parentActionId: id, at, ...(ruling?.observed && { rule: ruling.rule, observed: ruling.observed }) };
    recordRefusedChild(session.recorder, { agent, inside: id, ruling, at }, this.context);
    return refusalOf(this.call.tool.name, ruling);
  }

  /** See {@link recordDecision}. */
  said(decision: ApprovalDecision): void {
    if (!this.finished && this.intent) this.recordApprovals([{ decision }], this.argumentsDigest, undefined, this.context);
  }

  within<R>(step: () => R): R {
    this.begun = true;
    return context.with(this.context, () => state().frames.run(this.frame, step));
  }

  value(value: unknown): void {
    const stated = guarded('reading a status', () => this.call.statusOf?.(value));
    const status = stated !== undefined && STATUSES.has(stated) ? stated : 'ok';
    const result = value === undefined ? undefined : guarded('capturing a result', () => this.captured(toCanonical(value)));
    this.finish(status, { result, errorType: status === 'error' ? 'tool_error' : undefined });
  }

  error(error: unknown): void {
    const stated = guarded('reading a status', () => this.call.statusOfError?.(error));
    this.finish(stated ?? statusOfError(error, this.call.signal), { errorType: errorType(error) });
  }

  yielded(value: unknown): void {
    if (this.yieldedLength > STREAM_LIMIT) return;
    const { text } = toCanonical(value);
    this.yieldedLength += text.length + 1;
    this.yields.push(text);
  }

  stopped(how: Stop): void {
    const whole = this.yieldedLength <= STREAM_LIMIT;
    const result = whole
      ? guarded('capturing a result', () => this.captured({ text: `[${this.yields.join(',')}]`, encoding: 'json' }))
      : undefined;
    this.finish(how === 'exhausted' ? 'ok' : 'cancelled', { result }, how === 'unread');
  }

  /** It never ran. */
  denied(): void {
    this.finish('denied', {});
  }

  /** The session ends while this is under way: whatever it does from now on. */
  abandon(): void {
    this.finish(this.begun ? 'cancelled' : 'denied', {});
  }

  private announce(own: Context, outer: Frame | undefined): WrittenLink | undefined {
    const { tool, arguments: input, redact } = this.call;
    const asked = this.session.askedFor(tool.callId);
    const reason = this.call.reason ?? asked.reason;
    const given = reason && reason.text !== '' && reason.source !== 'none' ? reason : undefined;
    const value = toCanonical(input);
    const args = captureValue('arguments', value, tool.name, redact);
    this.argumentsDigest = args.digest;
    const why = captureReason(given?.text, tool.name, redact);
    const within = outer?.session === this.session ? outer.action?.id : undefined;
    const now = this.session.recorder.moment();
    const ruling = rule(this.call.acknowledged ?? false, () => this.propose(value, args.digest, given?.text, milliseconds(now)));
    this.ruling = ruling;
    if (ruling.wait) this.decided = value.text;
    const intent = this.session.recorder.record(startLinkSpan(`intent ${tool.name}`, own), (writer, place) =>
      writer.intent(
        {
          actionId: this.id,
          parentActionId: within,
          tool,
          argumentsDigest: args.digest,
          argumentsEncoding: args.encoding,
          reasonDigest: why.digest,
          reasonSource: given?.source ?? 'none',
          decision: ruling.decision,
          rule: ruling.rule,
          observed: ruling.observed,
          components: asked.components && three(asked.components),
          content: { ...args.content, ...why.content },
        },
        { ...place, now },
      ),
    );
    if (intent && ruling.decision !== 'deny') this.session.allowed(intent);
    const { approvals = [] } = this.call;
    if (intent) this.recordApprovals(approvals, args.digest, undefined, own);
    return intent;
  }

  private propose({ text, encoding }: Text, argumentsDigest: string, reason: string | undefined, at: number): ProposedAction {
    const { tool, awaited, acknowledged = false } = this.call;
    const { id, agentId, principal, family } = this.session;
    this.proposed = {
      id: this.id,
      at,
      session: id,
      families: [family.id, ...[...familiesFrom(family)].slice(1).map((outer) => outer.id)],
      agent: agentId,
      principal,
      tool,
      arguments: JSON.parse(text),
      encoding,
      argumentsDigest,
      reason,
      acknowledged,
      canWait: awaited !== undefined,
    };
    return this.proposed;
  }

  /** An approval after the outcome is dropped (SPEC.md, "Spans"). */
  private approved({ approvals = [] }: Answer, span: LinkSpan | undefined): void {
    const { proposed } = this;
    if (this.finished || proposed === undefined) return;
    this.recordApprovals(approvals, proposed.argumentsDigest, span, this.context);
  }

  private recordApprovals(
    approvals: NonNullable<Answer['approvals']>,
    argumentsDigest: string,
    span: LinkSpan | undefined,
    parent: Context,
  ): void {
    for (const [i, { decision, approver }] of approvals.entries()) {
      const own = (i === 0 && span) || startLinkSpan(`approval ${this.call.tool.name}`, parent);
      this.session.recorder.record(own, (writer, place) =>
        writer.approval({ actionId: this.id, approvalId: newSpanId(), decision, approver, argumentsDigest }, place),
      );
    }
  }

  private captured(value: Text): Captured {
    return captureValue('result', value, this.call.tool.name, this.call.redact);
  }

  private finish(
    status: ActionStatus,
    end: { readonly result?: Captured | undefined; readonly errorType?: string | undefined },
    unread = false,
  ): void {
    if (this.finished) return;
    this.finished = true;
    this.giveUp?.();
    this.frame.parent = undefined;
    const { tool } = this.call;
    const { result, errorType: type } = end;
    const outcome = guarded('recording an outcome', () =>
      this.session.recorder.record(
        this.span,
        (writer, place) =>
          writer.outcome(
            { actionId: this.id, tool, status, resultDigest: result?.digest, errorType: type, content: result?.content },
            place,
          ),
        status === 'error' || status === 'timeout',
      ),
    );
    this.tellGuard(status, outcome);
    this.session.leave(this, unread ? 'abandoned' : undefined);
  }

  private tellGuard(status: ActionStatus, outcome?: WrittenLink): void {
    const { proposed } = this;
    const at = outcome ? milliseconds(BigInt(outcome.time)) : Date.now();
    if (proposed) guarded('telling the guard', () => state().configuration.guard?.settled?.(proposed, status, at));
  }
}

function three({ system_prompt, tools, memory }: Components): IntentDetails['components'] {
  return system_prompt && tools && memory ? { system_prompt, tools, memory } : undefined;
}
