import { type Components, type IntentDetails, toCanonical, type WrittenLink } from '@agent-custody/chain';
import { type Context, context } from '@opentelemetry/api';
import { withParent } from './baggage.js';
import { type Captured, captureReason, captureValue, type Text } from './capture.js';
import { guarded } from './errors.js';
import { errorType, statusOfError } from './failure.js';
import { type Frame, state } from './global.js';
import { ActionDenied, type Answer, type ProposedAction, type Refusal, type Ruling, refusalOf, rule } from './guard.js';
import type { Session } from './lifecycle.js';
import { type Observer, observe, type Stop } from './observe.js';
import { newSpanId } from './random.js';
import { liveSession } from './session.js';
import { activeOrSession, type LinkSpan, startLinkSpan, within } from './spans.js';
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
  if (action.refusal) return refuse(call, action, action.refusal);
  if (action.wait === undefined) return run(action, execute);
  const permission = action.permission(call.signal);
  if (call.awaited === 'iterator') return afterwards(call, action, permission, execute) as T;
  return permission.then((refusal) => (refusal ? refuse(call, action, refusal) : run(action, execute))) as T;
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

async function* afterwards<T>(call: ActionCall<T>, action: Action, permission: Promise<Refusal | undefined>, execute: () => T) {
  const refusal = await permission;
  if (refusal) yield refuse(call, action, refusal);
  else yield* run(action, execute) as AsyncIterable<unknown>;
}

/** Observation fails open; with a guard in force, what cannot be put on record cannot run. */
function unrecorded<T>(call: ActionCall<T>, execute: () => T): T {
  if (state().configuration.guard === undefined) return execute();
  return refused(call, refusalOf(call.tool.name, { rule: 'error', reason: 'its intent could not be recorded' }));
}

function refuse<T>(call: ActionCall<T>, action: Action, refusal: Refusal): T {
  action.denied();
  return refused(call, refusal);
}

function refused<T>(call: ActionCall<T>, refusal: Refusal): T {
  if (call.refused) return call.refused(refusal) as T;
  throw new ActionDenied(refusal);
}

/** `seen`: a second patch of one framework sees the action that is under way. */
function begin<T>(call: ActionCall<T>): Action | 'seen' {
  const frame = state().frames.getStore();
  for (let outer = frame; call.dedupe !== undefined && outer; outer = outer.parent) {
    if (outer.action?.call.dedupe === call.dedupe) return 'seen';
  }
  return new Action(call as ActionCall<unknown>, liveSession(call.session), frame);
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
  private finished = false;
  private proposed: ProposedAction | undefined;
  private ruling: Ruling | undefined;
  private intent: WrittenLink | undefined;
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
      session.leave(this);
      throw error;
    }
  }

  /** Set when it must not run. */
  get refusal(): Refusal | undefined {
    if (this.ruling === undefined) return undefined;
    const { decision, wait } = this.ruling;
    if (decision === 'deny' || (decision === 'require_approval' && !wait)) return refusalOf(this.call.tool.name, this.ruling);
    if (this.proposed && !this.intent)
      return refusalOf(this.call.tool.name, { ...this.ruling, reason: 'its intent could not be recorded' });
    if (!wait || this.call.awaited) return undefined;
    return refusalOf(this.call.tool.name, { ...this.ruling, reason: 'it would have to wait, and it is synchronous' });
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
    if (intent && ruling?.wait) answer = await ruling.wait(intent, signal).catch(() => failed);
    guarded('recording an approval', () => this.approved(answer, span));
    if (this.finished) return refusalOf(name, { rule: ruling?.rule ?? 'none', reason: 'its session has ended' });
    return answer.go ? undefined : refusalOf(name, { rule: ruling?.rule ?? 'none', reason: answer.reason });
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
    this.finish(statusOfError(error, this.call.signal), { errorType: errorType(error) });
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
    const why = captureReason(given?.text, tool.name, redact);
    const within = outer?.session === this.session ? outer.action?.id : undefined;
    const ruling = rule(() => this.propose(value, args.digest, given?.text));
    this.ruling = ruling;
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
        place,
      ),
    );
    if (intent && ruling.decision !== 'deny') this.session.allowed(intent);
    return intent;
  }

  private propose({ text, encoding }: Text, argumentsDigest: string, reason: string | undefined): ProposedAction {
    const { tool, awaited } = this.call;
    const { id, agentId, principal } = this.session;
    this.proposed = {
      id: this.id,
      session: id,
      agent: agentId,
      principal,
      tool,
      arguments: JSON.parse(text),
      encoding,
      argumentsDigest,
      reason,
      canWait: awaited !== undefined,
    };
    return this.proposed;
  }

  /** An approval after the outcome is dropped (SPEC.md, "Spans"). */
  private approved({ approvals = [] }: Answer, span: LinkSpan | undefined): void {
    const { proposed } = this;
    if (this.finished || proposed === undefined) return;
    for (const [i, { decision, approver }] of approvals.entries()) {
      const own = (i === 0 && span) || startLinkSpan(`approval ${this.call.tool.name}`, this.context);
      this.session.recorder.record(own, (writer, place) =>
        writer.approval(
          { actionId: this.id, approvalId: newSpanId(), decision, approver, argumentsDigest: proposed.argumentsDigest },
          place,
        ),
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
    this.frame.parent = undefined;
    const { tool } = this.call;
    const { result, errorType: type } = end;
    guarded('recording an outcome', () =>
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
    const { guard } = state().configuration;
    if (this.proposed && guard?.settled) guarded('telling the guard', () => guard.settled?.(this.proposed as ProposedAction, status));
    this.session.leave(this, unread ? 'abandoned' : undefined);
  }
}

function three({ system_prompt, tools, memory }: Components): IntentDetails['components'] {
  return system_prompt && tools && memory ? { system_prompt, tools, memory } : undefined;
}
